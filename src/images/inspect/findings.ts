/** What may be wrong with an image. */

/** What is wrong. A code is never given another meaning. Each has a section in `docs/check.md`. */
export type FindingCode =
  | "wrong-platform"
  | "broken-elf"
  | "missing-loader"
  | "missing-library"
  | "missing-version"
  | "wrong-libc"
  | "wrong-addon-version"
  | "missing-interpreter"
  | "command-not-found"
  | "command-not-executable"
  | "unknown-user"
  | "missing-working-directory"
  | "wrong-node-version"
  | "dangling-link"
  | "link-leaves-root"
  | "link-circle"
  | "set-user-id"
  | "world-writable"
  | "private-key"
  | "secret-token"
  | "missing-store-path"
  | "builder-home"
  | "advisory";

const CODES: Readonly<Record<FindingCode, true>> = {
  "wrong-platform": true,
  "broken-elf": true,
  "missing-loader": true,
  "missing-library": true,
  "missing-version": true,
  "wrong-libc": true,
  "wrong-addon-version": true,
  "missing-interpreter": true,
  "command-not-found": true,
  "command-not-executable": true,
  "unknown-user": true,
  "missing-working-directory": true,
  "wrong-node-version": true,
  "dangling-link": true,
  "link-leaves-root": true,
  "link-circle": true,
  "set-user-id": true,
  "world-writable": true,
  "private-key": true,
  "secret-token": true,
  "missing-store-path": true,
  "builder-home": true,
  advisory: true,
};

/** All codes. */
export const FINDING_CODES = Object.keys(CODES) as readonly FindingCode[];

/** Something that is wrong with an image, or may be. */
export interface Finding {
  readonly code: FindingCode;
  /** An error is sure to fail when what has it is used; a warning may be meant so. */
  readonly severity: "error" | "warning";
  /** Absolute, in the image; of the config's fields `config.` and the field's name; of a package that is all over the image its package URL. */
  readonly path: string;
  /** Of a text, counted from 1. */
  readonly line?: number;
  /** What is missing: a library, a version, or what a link leads to. */
  readonly subject?: string;
  /** The package or store path that has it. */
  readonly component?: string;
  /** One sentence. */
  readonly message: string;
  /** Whether the base image has it by itself. */
  readonly isBase: boolean;
}

/** A finding of which isn't known yet whose it is. */
export type Fault = Omit<Finding, "isBase" | "component">;

/** What is the same in two findings that are one and the same. */
export function identityOf({ code, path, message }: Fault): string {
  return `${code}\0${path}\0${message}`;
}

/** The package or the store path that a path is in. */
export function componentOf(path: string): string | undefined {
  const at = path.lastIndexOf("/node_modules/");
  const [, name] =
    /^((?:@[^/]+\/)?[^/]+)/.exec(at === -1 ? "" : path.slice(at + "/node_modules/".length)) ?? [];
  // pnpm and bun keep packages in folders that begin with a dot, with a node_modules of each.
  if (name !== undefined && !name.startsWith(".")) return name;
  const [store] = /^\/(?:nix|gnu)\/store\/[^/]+/.exec(path) ?? [];
  return store;
}

/** Folders whose files are there to be tested with, or to be read by people. */
const TRIED =
  /(?:^|\/)(?:tests?|__tests?__|specs?|fixtures?|__fixtures__|testdata|test-data|test_data|testing|examples?|samples?|mocks?|__mocks__|e2e|certdata|doc|docs)\//i;

/** Whether a file is part of a test, or of an example. */
export function isTried(path: string): boolean {
  return TRIED.test(path);
}
