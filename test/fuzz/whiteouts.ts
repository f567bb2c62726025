/** Layers with whiteouts, links and names twice, laid on each other by varve and by a naive model. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { flattenedTree, flattenImage, type RootEntry } from "#flatten";
import { readTar, streamInput } from "#tar";
import { type MadeEntry, madeImage } from "#testing";
import { type NaiveEntry, naiveTree, Refused } from "./naive-layers.ts";
import { outcomeOf, type Target } from "./target.ts";

const part = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b", "c") },
  fc.constantFrom(
    ".wh.a",
    ".wh.b",
    ".wh..wh..opq",
    ".wh..wh.plnk",
    "..",
    ".",
    "",
    ".wh.",
    ".wh...",
    ".wh..wh.a",
  ),
);
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const whiteout = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 2 }),
    fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq"),
  )
  .map(([folder, last]) => [...folder, last].join("/"));
const target = fc
  .tuple(
    fc.constantFrom("", "", "/", "../"),
    fc.array(fc.constantFrom("a", "b", "c", "..", "."), { maxLength: 3 }),
  )
  .map(([start, parts]) => start + parts.join("/"));

const entry: fc.Arbitrary<NaiveEntry> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name, kind: fc.constant("directory" as const) }) },
  { weight: 4, arbitrary: fc.record({ name, kind: fc.constant("file" as const) }) },
  { weight: 2, arbitrary: fc.record({ name: whiteout, kind: fc.constant("file" as const) }) },
  { weight: 2, arbitrary: fc.record({ name, kind: fc.constant("symlink" as const), target }) },
  { weight: 1, arbitrary: fc.record({ name, kind: fc.constant("hardlink" as const), target }) },
);

function made({ kind, target }: NaiveEntry): MadeEntry {
  if (kind === "directory") return { dir: true };
  if (kind === "file") return { content: "c" };
  return { link: target ?? "", ...(kind === "hardlink" ? { type: "1" } : {}) };
}

function shown({ kind, entry, layer, position, implied }: RootEntry): object {
  return {
    kind,
    ...(kind === "symlink" ? { target: entry.linkname } : {}),
    ...(implied ? {} : { origin: `${layer}/${position}` }),
  };
}

async function check(layers: readonly (readonly NaiveEntry[])[]): Promise<void> {
  const image = await madeImage(
    layers.map((entries) => ({ entries: {}, more: entries.map((each) => [each.name, made(each)] as const) })),
  );
  let expected: ReturnType<typeof naiveTree> | undefined;
  try {
    expected = naiveTree(layers);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  const tree = await outcomeOf(() => flattenedTree(image.layers));
  if (expected === undefined || "refused" in tree) {
    assert.equal("refused" in tree, expected === undefined, "refused by one, not by the other");
    return;
  }
  const actual = [...tree.value.entries()].map(([path, node]) => [path, shown(node)] as const);
  const wanted = [...expected].map(([path, { kind, target, origin }]) => {
    return [
      path,
      { kind, ...(target === undefined ? {} : { target }), ...(origin ? { origin } : {}) },
    ] as const;
  });
  assert.deepEqual(Object.fromEntries(actual.sort()), Object.fromEntries(wanted.sort()));

  // And the archive that is made of it has just these, each once; a folder before what is in it, or after all of that.
  const seen = new Map<string, string>();
  const archive = readTar(streamInput(flattenImage(image.layers)), "the flattened image");
  for await (const { entry } of archive) {
    const path = entry.name === "." ? "" : entry.name;
    assert.ok(!seen.has(path), `${path} comes once`);
    if (entry.type === "1") assert.ok(seen.has(entry.linkname!), `${path} is a link to what came before`);
    seen.set(path, entry.type);
  }
  assert.deepEqual([...seen.keys(), ""].sort(), [...expected.keys(), ...(seen.has("") ? [""] : [])].sort());
  const paths = [...seen.keys()];
  for (const [at, path] of paths.entries()) {
    const inside = paths.flatMap((other, index) => (other.startsWith(`${path}/`) ? [index] : []));
    if (path === "" || inside.length === 0) continue;
    assert.equal(seen.get(path), "5", `${path} is a folder`);
    assert.ok(
      inside.every((index) => index > at) || inside.every((index) => index < at),
      `${path} comes before what is in it, or after all of that`,
    );
  }
}

export const whiteouts: Target = {
  name: "whiteouts",
  runs: 300,
  property: () => fc.asyncProperty(fc.array(fc.array(entry, { maxLength: 7 }), { maxLength: 4 }), check),
};
