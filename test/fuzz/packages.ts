/** Package databases of any kind of damage: an image that is split by them stays the same. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { compareRoots } from "#compare";
import type { Layer } from "#image";
import { steady } from "#layering";
import { relayered } from "#relayer";
import { type MadeEntry, madeImage } from "#testing";
import type { Target } from "./target.ts";

const path = fc
  .array(fc.constantFrom("a", "b", "d", "..", ".", "", "l", "node_modules", "gone", "\0"), { maxLength: 5 })
  .map((parts) => parts.join("/"));
const word = fc.oneof(
  path,
  fc.constantFrom("P:x", "F:", "R:", "V:1", "\n", '"', "Package: a", "Version: 1", "{"),
);
const text = fc
  .array(fc.tuple(word, fc.constantFrom("\n", "\n\n", ":", ",", "  ", "/", "")), { maxLength: 12 })
  .map((words) => words.flat().join(""));
const bytes = fc.oneof(
  { weight: 4, arbitrary: text.map((each): MadeEntry => ({ content: each })) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((each): MadeEntry => ({ content: each })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<MadeEntry>({ dir: true }, { link: "/a" }, { link: "a", type: "1" }),
  },
);

const DATABASES = [
  ...["var/lib/dpkg/status", "var/lib/dpkg/info/a.list", "var/lib/dpkg/info/b:amd64.list"],
  ...["var/lib/dpkg/status.d/c", "var/lib/dpkg/status.d/c.md5sums", "lib/apk/db/installed"],
  ...["d/x-1.dist-info/RECORD", "d/node_modules/a/package.json", "d/.yarn/cache/a.zip"],
  ...["var/lib/rpm/rpmdb.sqlite"],
];

const databases = fc.dictionary(fc.constantFrom(...DATABASES), bytes, { maxKeys: 6, noNullPrototype: true });

const ROOT = {
  a: "a",
  b: { link: "a", type: "1" },
  "d/a": "1",
  "d/b": "2",
  l: { link: "d" },
  "d/node_modules/a/b": "3",
} as const;

async function check(found: Readonly<Record<string, MadeEntry>>): Promise<void> {
  const image = await madeImage([{ entries: { ...ROOT, ...found } }]);
  await using draft = await relayered(image, { strategy: steady, temporary: tmpdir() });
  const layers: Layer[] = [];
  for await (const layer of draft.layers()) layers.push(layer);
  assert.deepEqual((await compareRoots(image.layers, layers)).differences, []);
}

export const packages: Target = {
  name: "packages",
  runs: 150,
  property: () => fc.asyncProperty(databases, check),
};
