/** Runs `varve stream` and the oracle on one conf, and compares what they write. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Finished, run } from "./process.ts";
import { requirePython } from "./python.ts";
import { type Tree, writeTree } from "./tree.ts";
import { varve } from "./varve.ts";

const oracle = fileURLToPath(new URL("../oracle/stream_image.py", import.meta.url));

/** The store below a test's folder; its name has what a quoting mistake would trip over. */
export const storeOf = (folder: string) => `${folder}/it's a "störe"`;

export interface Case {
  /** The store's content, by name. */
  readonly store?: { readonly [name: string]: Tree };
  /** The names in the store that make up each layer; by default one layer with all of them. */
  readonly layers?: readonly (readonly string[])[];
  /** The conf's `config`, as JSON text, so that a test can write numbers and keys as it likes. */
  readonly config?: string;
  /** Other fields of the conf. */
  readonly conf?: { readonly [field: string]: unknown };
  readonly repoTag?: string;
  /** Compare stdout alone. */
  readonly ignoreProgress?: boolean;
}

/** Makes the case's store and conf in `folder`, which must be empty or not be there, and returns the conf's path. */
export function writeCase(folder: string, { store = {}, layers, config = "{}", conf = {} }: Case): string {
  const storeDir = storeOf(folder);
  mkdirSync(folder, { recursive: true });
  writeTree(storeDir, { dir: store });
  // Nobody looks into the layer: any bytes will do, if they fit the checksum.
  const bytes = Buffer.alloc(10240, "customisation");
  writeTree(`${folder}/customisation`, {
    dir: { "layer.tar": { file: bytes.toString(), mode: 0o640 }, checksum: { file: `${sha256(bytes)}\n` } },
  });
  const fields = {
    architecture: "amd64",
    created: "1970-01-01T00:00:01Z",
    mtime: "1970-01-01T00:00:01Z",
    uid: 0,
    gid: "0",
    uname: "root",
    gname: "root",
    store_dir: storeDir,
    from_image: null,
    store_layers: (layers ?? [Object.keys(store)]).map((names) => names.map((name) => `${storeDir}/${name}`)),
    customisation_layer: `${folder}/customisation`,
    repo_tag: "example:latest",
    ...conf,
  };
  const path = `${folder}/conf.json`;
  writeFileSync(path, `${JSON.stringify(fields).slice(0, -1)}, "config": ${config}}`);
  return path;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What the programs see alike: the time zone that varve takes a naive time to be in, and names as UTF-8. */
const env = { TZ: "UTC", PYTHONUTF8: "1" };

export async function runOracle(conf: string, repoTag?: string): Promise<Finished> {
  const override = repoTag === undefined ? [] : ["--repo_tag", repoTag];
  return succeeded("the oracle", await run([requirePython(), oracle, conf, ...override], { env }));
}

export async function runVarve(conf: string, repoTag?: string): Promise<Finished> {
  const override = repoTag === undefined ? [] : ["--repo-tag", repoTag];
  return succeeded("varve", await varve(["stream", conf, ...override], { env }));
}

function succeeded(who: string, finished: Finished): Finished {
  assert.equal(finished.code, 0, `${who} ended with ${finished.code ?? finished.signal}\n${finished.stderr}`);
  return finished;
}

/** Checks that varve writes for this case, byte for byte, what the oracle writes; returns those bytes. */
export async function assertSameStream(folder: string, test: Case): Promise<Buffer> {
  const conf = writeCase(folder, test);
  const [expected, actual] = await Promise.all([runOracle(conf, test.repoTag), runVarve(conf, test.repoTag)]);
  assertSameBytes(actual.stdout, expected.stdout);
  if (test.ignoreProgress !== true) assert.equal(actual.stderr, expected.stderr);
  return expected.stdout;
}

function assertSameBytes(actual: Buffer, expected: Buffer): void {
  if (actual.equals(expected)) return;
  const end = Math.min(actual.length, expected.length);
  let offset = 0;
  while (offset < end && actual[offset] === expected[offset]) offset++;
  const near = (bytes: Buffer) =>
    JSON.stringify(bytes.toString("latin1", Math.max(0, offset - 60), offset + 60));
  assert.fail(
    `the streams differ from byte ${offset} on (${actual.length} bytes instead of ${expected.length}), ` +
      `in ${place(expected, offset)}\nvarve:  ${near(actual)}\noracle: ${near(expected)}`,
  );
}

/** Names the member of a tar archive, and of a layer inside it, that the byte at `offset` belongs to. */
function place(archive: Buffer, offset: number): string {
  let start = 0;
  let pax = "";
  while (start + 512 <= archive.length) {
    const header = archive.subarray(start, start + 512);
    const name = header.toString("utf8", 0, 100).replace(/\0.*/s, "");
    const size = Number.parseInt(header.toString("latin1", 124, 136), 8) || 0;
    const type = header.toString("latin1", 156, 157);
    const end = start + 512 + Math.ceil(size / 512) * 512;
    const shown = pax === "" ? name : `${name} (${pax})`;
    if (offset < start + 512) return `the header of ${shown}`;
    if (offset < end) {
      const inside = name.endsWith("layer.tar")
        ? ` at ${place(archive.subarray(start + 512, end), offset - start - 512)}`
        : "";
      return `the content of ${shown}${inside}`;
    }
    pax = type === "x" ? archive.toString("utf8", start + 512, start + 512 + size).trim() : "";
    start = name === "" ? archive.length : end;
  }
  return "the archive's end";
}
