/** What a store path's name says. */

export interface NixName {
  readonly name: string;
  /** Empty if there is none. */
  readonly version: string;
  /** Such as `bin`; undefined for the one that has no name. */
  readonly output?: string;
  /** What tells the path from others of its name. */
  readonly hash: string;
}

/** Outputs that nixpkgs gives packages: the manual's "Multiple-output packages", and what compilers and Python's have. */
const OUTPUTS = new Set([
  ...[
    "bin",
    "dev",
    "lib",
    "out",
    "doc",
    "devdoc",
    "man",
    "devman",
    "info",
    "debug",
    "static",
    "data",
    "dist",
  ],
  ...["libgcc", "nc", "terminfo", "getent", "mount", "login", "swap", "locales", "py", "tools", "sdk", "all"],
]);

/**
 * Reads `/nix/store/HASH-NAME-VERSION-OUTPUT`. The version begins at the first dash that isn't followed by a letter, as Nix has it
 * (`builtins.parseDrvName`).
 */
export function nixName(path: string): NixName | undefined {
  const [, hash = "", named = ""] = /\/([0-9a-z]{32})-([^/]+)$/.exec(path) ?? [];
  if (hash === "") return undefined;
  const [, first, output = ""] = /^(.+)-([a-z]+)$/.exec(named) ?? [];
  const isOutput = first !== undefined && OUTPUTS.has(output);
  const whole = isOutput ? first : named;
  const [, name, version] = /^(.*?)-([^A-Za-z].*)$/.exec(whole) ?? [];
  return { name: name || whole, version: name ? version! : "", ...(isOutput && { output }), hash };
}
