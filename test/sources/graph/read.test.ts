import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ReferencesGraph, readGraph } from "#graph";
import { readText } from "../../../src/sources/graph/file.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const A = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const B = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-base";

async function read(t: TestContext, content: unknown, key?: string): Promise<ReferencesGraph> {
  const file = join(await temporaryFolder(t), "graph");
  const isRaw = typeof content === "string" || content instanceof Uint8Array;
  await writeFile(file, isRaw ? content : JSON.stringify(content));
  return readGraph(file, key === undefined ? {} : { key });
}

/** The graph of every valid example here: A refers to B, and B to itself only. */
function assertIsExample(graph: ReferencesGraph, extra: { a?: object; b?: object } = {}): void {
  assert.equal(graph.kind, "nix");
  assert.deepEqual(
    [...graph.components],
    [
      [A, { id: A, path: A, references: [B], ...extra.a }],
      [B, { id: B, path: B, references: [], ...extra.b }],
    ],
  );
}

const LIST = [
  { path: B, references: [B], narSize: 5, narHash: "sha256:bbb" },
  { path: A, references: [B, A] },
];
const LIST_EXTRA = { b: { narSize: 5, narHash: "sha256:bbb" } };

test("a JSON list of paths and references is read", async (t) => {
  assertIsExample(await read(t, LIST), LIST_EXTRA);
});

test("an empty JSON list is a graph without components", async (t) => {
  assert.equal((await read(t, [])).components.size, 0);
});

test("the only list of an object is its graph", async (t) => {
  assertIsExample(await read(t, { closure: LIST }), LIST_EXTRA);
});

test("lists of other things beside the graph, as structured attributes have them, do not matter", async (t) => {
  const attributes = {
    args: ["-e"],
    exportReferencesGraph: { closure: [A] },
    name: "x",
    closure: LIST,
    none: [],
  };
  assertIsExample(await read(t, attributes), LIST_EXTRA);
});

test("of an object's several lists the key chooses one", async (t) => {
  assertIsExample(await read(t, { one: [{ path: B, references: [] }], two: LIST }, "two"), LIST_EXTRA);
  await assert.rejects(read(t, { one: [{ path: B, references: [] }], two: LIST }), {
    code: "INVALID_GRAPH",
    message: /several lists \(one, two\); choose one with --key/,
  });
  await assert.rejects(read(t, { one: LIST }, "two"), { code: "INVALID_GRAPH", message: /key "two"/ });
});

test("the list that nix path-info prints up to Nix 2.18 is read", async (t) => {
  const info = { deriver: "/nix/store/x.drv", registrationTime: 1, ultimate: true, valid: true };
  const graph = await read(t, [
    { ...info, path: A, references: [A, B], narHash: "sha256-YQ==", narSize: 120 },
    { ...info, path: B, references: [], narHash: "sha256-Yg==", narSize: 0 },
  ]);
  assertIsExample(graph, {
    a: { narSize: 120, narHash: "sha256-YQ==" },
    b: { narSize: 0, narHash: "sha256-Yg==" },
  });
});

test("the object that nix path-info prints from Nix 2.19 is read", async (t) => {
  const graph = await read(t, {
    [A]: { ca: null, narHash: "sha256-YQ==", narSize: 120, references: [A, B] },
    [B]: { ca: null, references: [] },
  });
  assertIsExample(graph, { a: { narSize: 120, narHash: "sha256-YQ==" } });
});

test("the nested form of nix path-info, with names without their store dir, is read", async (t) => {
  const name = (path: string) => path.slice("/nix/store/".length);
  const graph = await read(t, {
    version: 2,
    storeDir: "/nix/store",
    info: {
      [name(A)]: {
        version: 2,
        narHash: { algorithm: "sha256", format: "base64", hash: "YQ==" },
        narSize: 1,
        references: [name(B), name(A)],
      },
      [name(B)]: { storeDir: "/nix/store", references: [] },
    },
  });
  assertIsExample(graph, { a: { narSize: 1, narHash: "sha256-YQ==" } });
});

test("names without their store dir are read where each entry says it", async (t) => {
  const graph = await read(t, {
    "a-x": { storeDir: "/s", references: ["b-y"] },
    "b-y": { storeDir: "/s", references: [] },
  });
  assert.deepEqual([...graph.components.keys()], ["/s/a-x", "/s/b-y"]);
  assert.deepEqual(graph.components.get("/s/a-x")!.references, ["/s/b-y"]);
});

test("a path that nix path-info does not know is an error that names it", async (t) => {
  const expected = { code: "INVALID_GRAPH", message: new RegExp(`${B} is not in its store`) };
  await assert.rejects(read(t, { [A]: { references: [] }, [B]: null }), expected);
  await assert.rejects(read(t, [{ path: B, valid: false }]), expected);
});

test("the text form of exportReferencesGraph is read", async (t) => {
  assertIsExample(await read(t, `${A}\n\n2\n${A}\n${B}\n${B}\n/nix/store/x.drv\n1\n${B}\n`));
});

test("the registration form, with hash and size, is read", async (t) => {
  const graph = await read(t, `${A}\nabc\n12\n\n1\n${B}\n${B}\nsha256:def\n0\n\n0\n`);
  assertIsExample(graph, {
    a: { narHash: "sha256:abc", narSize: 12 },
    b: { narHash: "sha256:def", narSize: 0 },
  });
});

for (const [what, content, message] of [
  ["an empty file", "", /is empty/],
  ["prose", "hello", /neither JSON nor a list of store paths/],
  ["an object without a list", { a: { b: 1 } }, /holds no list/],
  ["an entry that is no object", [{ path: B, references: [] }, 3], /entry 2 of its list is not an object/],
  ["an entry without a path", [{ references: [] }], /entry 1 of its list has no "path"/],
  ["an entry without references", [{ path: A }], /"references" of .*app-1\.0 are not a list of strings/],
  ["a reference that is no string", [{ path: A, references: [1] }], /"references" of .*app-1\.0/],
  ["a relative path", [{ path: "x", references: [] }], /entry 1 .* absolute path but is "x"/],
  [
    "a path longer than any",
    [{ path: `/${"x".repeat(5000)}`, references: [] }],
    /^.{1,800}longer than any system's$/,
  ],
  ["a path that climbs", [{ path: "/nix/store/../x", references: [] }], /not a plain one/],
  ["a negative size", [{ path: A, references: [], narSize: -1 }], /"narSize" of .*app-1\.0/],
  ["a hash that is none", [{ path: A, references: [], narHash: 7 }], /"narHash" of .*app-1\.0/],
  ["a text that ends too early", `${A}\n\n2\n${B}\n`, /line 3: it announces 2 references/],
  ["a text without a count", `${A}\n\n`, /line 3: the file ends where the number of references should be/],
  ["a text with a wrong count", `${A}\n\nx\n`, /line 3: the number of references should be a number/],
  ["a text with a relative reference", `${A}\n\n1\nbase\n`, /line 4: a reference should be an absolute path/],
  ["bytes that are no text", Uint8Array.of(0x2f, 0xff), /not UTF-8/],
] as const) {
  test(`${what} is refused as no graph`, async (t) => {
    await assert.rejects(read(t, content), { code: "INVALID_GRAPH", message });
  });
}

test("broken JSON is an error that says where", async (t) => {
  await assert.rejects(read(t, '[\n  {"path": x}\n]'), {
    code: "INVALID_JSON",
    message: /at line 2, column 12/,
  });
});

test("a dangling reference names the file and both ends", async (t) => {
  await assert.rejects(read(t, [{ path: A, references: [B] }]), {
    code: "DANGLING_REFERENCE",
    message: new RegExp(`graph is not complete: ${A} refers to ${B}`),
  });
});

test("a file that does not exist is NOT_FOUND", async (t) => {
  const file = join(await temporaryFolder(t), "none.json");
  await assert.rejects(readGraph(file), { code: "NOT_FOUND", message: /none\.json/ });
});

test("a file beyond the bound is TOO_LARGE", async (t) => {
  const file = join(await temporaryFolder(t), "graph");
  await writeFile(file, "123456");
  assert.equal(await readText(file, { limit: 6 }), "123456");
  await assert.rejects(readText(file, { limit: 5 }), { code: "TOO_LARGE", message: /larger than 5 bytes/ });
});
