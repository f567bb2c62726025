/** A small graph of store paths that aren't on this machine, with the sizes of their NARs. */
export const storePath = (name: string) => `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`;

const entry = (name: string, narSize: number, ...references: string[]) => ({
  path: storePath(name),
  narSize,
  references: references.map(storePath),
});

export const STORE_GRAPH = [
  entry("libc-2", 30_000_000),
  entry("data-1", 500_000_000),
  entry("lib-1", 5_000_000, "libc-2"),
  entry("app-1", 1_000_000, "lib-1", "data-1"),
  entry("tool-1", 1_000_000, "libc-2"),
];
