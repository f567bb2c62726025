import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { parsePlainYaml } from "../../../src/sources/graph/plain-yaml.ts";
import { parseYaml } from "../../../src/sources/graph/yaml.ts";

const byLibrary = (text: string): unknown => parse(text, { schema: "failsafe", logLevel: "error" });

const LOCK = `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      '@s/a':
        specifier: ^1.0.0
        version: 1.0.0(b@2.0.0)
      lib:
        specifier: link:../lib
        version: link:../lib # where it is
  packages/empty: {}

packages:
  # A comment.
  '@s/a@1.0.0':
    resolution: {integrity: sha512-a+b/c==, tarball: 'file:a, b.tgz'}
    engines: {node: '>=18'}
    cpu: [x64, '!arm']
    os: []
    deprecated: |-
      It's old: don't

        use it.
    bundledDependencies:
    - a
    - 'b c'
  it's@1.0.0:
    hasBin: true
    text: |
      one line
`.replace(" # where it is", "");

describe("YAML as package managers write it", () => {
  it("is read as the library reads it", () => {
    const value = parsePlainYaml(LOCK);
    assert.deepEqual(value, byLibrary(LOCK));
    const { packages } = value as { packages: Record<string, { deprecated?: string }> };
    assert.equal(packages["@s/a@1.0.0"]?.deprecated, "It's old: don't\n\n  use it.");
  });

  it("may be JSON", async () => {
    const text = '{"included": {"optionalDependencies": false, "a": [1.10, null, "x"]}}';
    const expected = { included: { optionalDependencies: "false", a: ["1.1", "null", "x"] } };
    assert.deepEqual(await parseYaml("file", text), expected);
    assert.deepEqual(await parseYaml("file", "{a: {b: c}}"), { a: { b: "c" } });
    await assert.rejects(parseYaml("file", "{a: b"), { code: "INVALID_GRAPH" });
  });

  it("is left to the library where it is anything else", () => {
    for (const text of [
      "",
      "a",
      "- a: b",
      "a: &x b",
      "a: *x",
      "a: !!str b",
      'a: "b"',
      "a: b # c",
      "a: >-\n  b",
      "a:\n  b\n  c",
      "a: b\n  c",
      "a: b: c",
      "a:\nb: c",
      "a: b\na: c",
      "a: {b: c, b: d}",
      "a: {b: {c: d}}",
      "a: {b}",
      "a: [b",
      "? a",
      "---\na: b",
      "__proto__: a",
      "a:\tb",
      "a: b\r\n",
      " a: b\nc: d",
      "a: |\n\n  b",
      "a: |2\n   b",
      `${Array.from({ length: 100 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")} b`,
    ]) {
      assert.equal(parsePlainYaml(text), undefined, JSON.stringify(text));
    }
  });

  it("means what the library says, if it is read at all", () => {
    const piece = fc.constantFrom(
      ...[
        "a",
        "b",
        "a: ",
        "b:",
        "- ",
        "'",
        "''",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        ":",
        " ",
        "  ",
        "\n",
        "\n  ",
      ],
      ...["\n    ", "#", " # ", "|", "|-", "&x", "*x", "!", "\\", '"', "@", "?", "~", "null", "1.10", "-"],
    );
    const texts = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(""));
    const values = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, fc.string(), fc.array(fc.string()), tie("map")),
      map: fc.dictionary(fc.string(), tie("value")),
    })).map;
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          values.map((value) => stringify(value)),
        ),
        (text) => {
          const value = parsePlainYaml(text);
          if (value !== undefined) assert.deepEqual(value, byLibrary(text), text);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
