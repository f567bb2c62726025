/** Files of varve's that are run with what V8 has compiled of them before. */
import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedDataVersionTag } from "node:v8";
import { constants, Script } from "node:vm";

/** In how many runs what is kept is completed with what that run has compiled. To keep it takes a run some 15 ms. */
const RUNS = 4;

/** What stands before the compiled code: a hash of the rest, and then in how many runs it was made, in a multiple of 8 bytes. */
const HASH_LENGTH = 32;
const HEADER_LENGTH = 40;

/** What versions before have left is removed after so long, in milliseconds. */
const KEPT_FOR = 30 * 24 * 60 * 60 * 1000;

interface Kept {
  readonly runs: number;
  readonly data: Buffer;
}

/**
 * Runs files that are functions with the parameters `module`, `exports`, `require` and `moduleUrl`, in ASCII, as
 * `scripts/bundle.ts` makes them.
 */
export class CompiledFiles {
  readonly #folder: string | undefined;
  readonly #loaded = new Map<string, unknown>();

  /** @param folder where what is compiled is kept, which nobody else must be able to write to; undefined to keep nothing */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /**
   * What a file exports. It runs when it is asked for the first time.
   * @param name from the file that this code is in: `./cli.cjs`
   */
  load(name: string): unknown {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    const url = new URL(name, import.meta.url);
    const module: { exports: unknown } = { exports: {} };
    const run = this.#compile(fileURLToPath(url)).runInThisContext() as (...args: unknown[]) => void;
    run(module, module.exports, (name: string) => this.load(name), url.href);
    this.#loaded.set(name, module.exports);
    return module.exports;
  }

  #compile(filename: string): Script {
    const source = readFileSync(filename);
    const path = this.#folder && join(this.#folder, keptName(filename, source));
    const kept = path === undefined ? undefined : readKept(path);
    const script = new Script(source.toString("latin1"), {
      filename,
      cachedData: kept?.data,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const runs = kept === undefined || script.cachedDataRejected ? 0 : kept.runs;
    if (path !== undefined && runs < RUNS)
      process.once("exit", () => keep(path, { runs: runs + 1, data: script.createCachedData() }));
    return script;
  }
}

/** Of the source, of Node.js, of V8's version and flags, and of what this processor can do. */
function keptName(filename: string, source: Buffer): string {
  const by = [process.version, process.arch, cachedDataVersionTag().toString(16)];
  return [basename(filename), hash("sha256", source).slice(0, 32), ...by].join("-");
}

/** What V8 kept; undefined if there is nothing, or it isn't whole. */
function readKept(path: string): Kept | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const hashed = bytes.subarray(HASH_LENGTH);
  if (!hash("sha256", hashed, "buffer").equals(bytes.subarray(0, HASH_LENGTH))) return undefined;
  return { runs: bytes[HASH_LENGTH]!, data: bytes.subarray(HEADER_LENGTH) };
}

/** Others may read it meanwhile. What can't be kept is compiled again the next time. */
function keep(path: string, { runs, data }: Kept): void {
  const temporary = `${path}.${process.pid}`;
  const rest = Buffer.concat([Uint8Array.of(runs), Buffer.alloc(HEADER_LENGTH - HASH_LENGTH - 1), data]);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (runs === 1) removeOld(dirname(path));
    writeFileSync(temporary, Buffer.concat([hash("sha256", rest, "buffer"), rest]), { mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    // A full disk, or no right to write. What is left in part goes with what is old.
  }
}

function removeOld(folder: string): void {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map(({ name }) => join(folder, name)))
    if (Date.now() - statSync(path).mtimeMs > KEPT_FOR) rmSync(path, { force: true });
}
