/** Makes the database from which Nix in the image knows the store paths. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { cancelled, errnoOf, reasonOf, VarveError } from "#errors";
import type { EntryItem } from "#fs";
import { EntryType } from "#tar";
import { sortNames } from "#util";
import { directoryItem, linkItem } from "./items.ts";

/** A store path that the database is to know. */
export interface NixDbPath {
  /** The store path. */
  readonly id: string;
  /** As Nix writes it: `sha256:…` or `sha256-…`. */
  readonly narHash?: string;
  /** Bytes. */
  readonly narSize?: number;
  /** Store paths among those given; the path itself, if it refers to itself. */
  readonly references: readonly string[];
  /** The store path of what it was built by. */
  readonly deriver?: string;
}

export interface NixDatabaseOptions {
  /** A closure: all paths in the image's store. */
  readonly paths: readonly NixDbPath[];
  /** Store paths that garbage collection in the image must keep, with all that they refer to. */
  readonly roots: readonly string[];
  /** The programs on this machine. */
  readonly tools: { readonly nixStore: string; readonly sqlite3: string };
  /** A folder on this machine in which a temporary one is made, and removed again. */
  readonly temporary: string;
  /** `/nix/store` by default. */
  readonly storeDir?: string;
  /** When the paths were registered, in seconds since 1970; 1 by default. */
  readonly registrationTime?: number;
  readonly signal?: AbortSignal | undefined;
}

const STATE = "/nix/var/nix";

/**
 * What makes `/nix/var/nix` of an image: `db/db.sqlite` and `db/schema`, made by the real `nix-store --load-db`, and a
 * link `gcroots/docker/NAME` for each root, and the folders `profiles` and `temproots`, as dockerTools has them. All else Nix makes itself when it is first
 * used. The same paths give the same bytes with the same tools: the database is written anew without its free pages and
 * its journal, and all registration times are equal.
 * @returns directories, files and links, a directory before what is in it; the database is in memory, about 500 bytes a path
 * @throws VarveError `INVALID_GRAPH` for a path without hash or size, or that is no store path; `DANGLING_REFERENCE`;
 *   `NOT_FOUND` for a tool that isn't there; `SCRIPT_FAILED` if one fails; `ABORTED`
 */
export async function nixDatabase(options: NixDatabaseOptions): Promise<EntryItem[]> {
  const { paths, roots, temporary, storeDir = "/nix/store" } = options;
  const registration = registrationOf(paths, storeDir);
  const known = new Set(paths.map(({ id }) => id));
  for (const root of roots) {
    if (known.has(root)) continue;
    throw new VarveError(
      "DANGLING_REFERENCE",
      `the Nix database can't keep ${root}, which isn't among its paths`,
    );
  }
  const folder = await mkdtemp(join(temporary, "varve-nix-db-"));
  try {
    const { database, schema } = await load(registration, { ...options, storeDir, folder });
    const links = sortNames([...new Set(roots)]).map((root) =>
      linkItem(`${STATE}/gcroots/docker/${basename(root)}`, root),
    );
    return [
      ...["/nix", "/nix/var", STATE, `${STATE}/db`].map((path) => directoryItem(path, 0o755)),
      fileItem(`${STATE}/db/db.sqlite`, database),
      fileItem(`${STATE}/db/schema`, schema),
      ...[`${STATE}/gcroots`, `${STATE}/gcroots/docker`].map((path) => directoryItem(path, 0o755)),
      ...links,
      // Which only root can make where the rest is root's.
      ...[`${STATE}/profiles`, `${STATE}/temproots`].map((path) => directoryItem(path, 0o755)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What `nix-store --load-db` reads, the paths by name. */
function registrationOf(paths: readonly NixDbPath[], storeDir: string): string {
  const byId = new Map(paths.map((path) => [path.id, path]));
  const lines: (string | number)[] = [];
  for (const id of sortNames([...byId.keys()])) {
    const { narHash, narSize, references, deriver = "" } = byId.get(id)!;
    checkStorePath(id, storeDir);
    if (deriver !== "") checkStorePath(deriver, storeDir);
    if (narHash === undefined || narSize === undefined) {
      throw new VarveError(
        "INVALID_GRAPH",
        `the Nix database needs the NAR hash and size of ${id}, which the graph doesn't say; make it with nix path-info --json`,
      );
    }
    if (!/^sha256[:-][0-9A-Za-z+/=]{1,100}$/.test(narHash) || !Number.isSafeInteger(narSize) || narSize < 0) {
      throw new VarveError(
        "INVALID_GRAPH",
        `the graph has a NAR hash or size of ${id} that Nix doesn't write`,
      );
    }
    const sorted = sortNames([...new Set(references)]);
    const missing = sorted.find((reference) => !byId.has(reference));
    if (missing !== undefined) {
      throw new VarveError("DANGLING_REFERENCE", `${id} refers to ${missing}, which the graph doesn't have`);
    }
    lines.push(id, narHash, narSize, deriver, sorted.length, ...sorted);
  }
  return lines.map((line) => `${line}\n`).join("");
}

function checkStorePath(path: string, storeDir: string): void {
  const name = path.startsWith(`${storeDir}/`) ? path.slice(storeDir.length + 1) : "";
  if (/^[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+\-._?=]{1,211}$/.test(name)) return;
  throw new VarveError("INVALID_GRAPH", `${JSON.stringify(path)} is no path of the store ${storeDir}`);
}

interface LoadOptions extends NixDatabaseOptions {
  readonly storeDir: string;
  readonly folder: string;
}

async function load(
  registration: string,
  { tools, storeDir, folder, registrationTime = 1, signal }: LoadOptions,
): Promise<{ database: Uint8Array; schema: Uint8Array }> {
  const root = join(folder, "root");
  const settings = join(folder, "etc");
  await mkdir(root);
  await mkdir(settings);
  // Nothing of this machine's settings or stores; a plain path's name is safe in the store's address.
  const env = {
    HOME: folder,
    USER: "nobody",
    NIX_CONF_DIR: settings,
    NIX_USER_CONF_FILES: "",
    NIX_REMOTE: `local?root=${encodeURIComponent(root).replaceAll("%2F", "/")}`,
    NIX_STORE_DIR: storeDir,
    NIX_CONFIG: "build-users-group =\ngc-reserved-space = 0",
  };
  await runTool([tools.nixStore, "--load-db"], { input: registration, env, signal });
  const db = join(root, STATE, "db");
  const clean = join(folder, "clean.sqlite");
  const time = Math.trunc(registrationTime);
  // What is copied has neither free pages nor a write-ahead log, whatever was done to the original.
  const statements = `UPDATE ValidPaths SET registrationTime = ${time}; VACUUM INTO '${clean.replaceAll("'", "''")}';\n`;
  const options = { input: statements, env: { HOME: folder }, signal };
  await runTool([tools.sqlite3, "-batch", "-bail", join(db, "db.sqlite")], options);
  return { database: await readFile(clean), schema: await readFile(join(db, "schema")) };
}

interface ToolOptions {
  readonly input: string;
  /** All of the tool's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** How many characters of a tool's error output are kept. */
const SHOWN_ERRORS = 1000;

async function runTool(
  [program, ...args]: readonly [string, ...string[]],
  { input, env, signal }: ToolOptions,
): Promise<void> {
  const child = spawn(program, args, { env, stdio: ["pipe", "ignore", "pipe"], signal });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-SHOWN_ERRORS);
  });
  // It may end before it has read everything; its exit status shows why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  let status: unknown[];
  try {
    status = await once(child, "close");
  } catch (error) {
    if (signal?.aborted) throw cancelled("making the Nix database", error);
    const code = errnoOf(error) === "ENOENT" ? "NOT_FOUND" : "SCRIPT_FAILED";
    throw new VarveError(code, `cannot run ${program}, which makes the Nix database: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const [code, killer] = status;
  if (code === 0) return;
  const last = errors.trim().split("\n").at(-1) ?? "";
  throw new VarveError(
    "SCRIPT_FAILED",
    `${program}, which makes the Nix database, ended with ${code ?? killer}: ${last || "it didn't say why"}`,
  );
}

function fileItem(name: string, content: Uint8Array): EntryItem {
  return { kind: "entry", entry: { name, type: EntryType.file, mode: 0o644 }, content };
}
