import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareImages } from "#compare";
import { type MadeEntry, type MadeLayer, madeImage } from "#testing";
import { explain } from "../../../src/front/report/explanation.ts";

/** A layer of packages, each with one file of its own name. */
function packages(names: readonly string[], entry: MadeEntry = {}): MadeLayer {
  const components = names.map((name) => `node_modules/${name}`);
  const files = components.map(
    (id, at) => [`/app/${id}/index.js`, { content: names[at]!, ...entry }] as const,
  );
  return { components, entries: Object.fromEntries(files) };
}

async function explained(before: readonly MadeLayer[], now: readonly MadeLayer[]): Promise<string[]> {
  const [source, target] = [await madeImage(before), await madeImage(now)];
  const compared = { source, target: { config: target.config.descriptor } };
  return explain(await compareImages(source, target), compared).split("\n");
}

/** The last column of the table. */
const reasons = (lines: readonly string[]) =>
  lines.slice(3, lines.indexOf("", 3)).map((line) => line.slice(lines[2]!.indexOf("WHY")));

const many = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);

describe("what varve why tells people", () => {
  it("is a sentence, a table, and an empty line at the end", async () => {
    assert.deepEqual(
      await explained(
        [packages(["a"]), packages(["b"])],
        [packages(["a"]), packages(["b"], { mode: 0o755 })],
      ),
      [
        "1 of 2 layers differs: 10.2 kB of 20.5 kB would be sent (before they are compressed).",
        "",
        "LAYER     SIZE  WHY",
        "    2  10.2 kB  b: mode 0644 → 0755 (index.js)",
        "",
        "Each engine pulls 1 layer, 10.2 kB.",
        "Config and manifest are 888 B more.",
        "",
      ],
    );
  });

  it("tells what befell many components once", async () => {
    const lines = await explained([packages(many(10))], [packages(many(10), { uid: 5 })]);
    assert.deepEqual(reasons(lines), ["p0, p1, p2 and 7 more: owner 0:0 → 5:0 (index.js)"]);
  });

  it("shows control characters of a name as escapes", async () => {
    const lines = await explained([packages(["a"])], [packages(["a", "\x1b[31mred\u009b"])]);
    assert.deepEqual(reasons(lines), ["\\x1b[31mred\\x9b: added", "with it 1 component unchanged (1 B)"]);
  });

  it("gives a layer a few lines, the most telling first, and counts the rest", async () => {
    const before = packages(many(9));
    const entries = Object.fromEntries(
      Object.entries(before.entries).map(([name], index) => [
        name,
        index < 2 ? { content: `p${index}` } : { content: "x".repeat(index), mode: 0o600 + index },
      ]),
    );
    assert.deepEqual(reasons(await explained([before], [{ ...before, entries }])), [
      "p8: content (index.js); mode 0644 → 0610 (index.js)",
      "p7: content (index.js); mode 0644 → 0607 (index.js)",
      "p6: content (index.js); mode 0644 → 0606 (index.js)",
      "p5: content (index.js); mode 0644 → 0605 (index.js)",
      "and 3 more: content, mode",
      "with it 2 components unchanged (4 B)",
    ]);
  });

  it("tells where components went and came from, and what an engine pulls though it isn't sent", async () => {
    const [last, first] = [packages(["z"]), packages(["y"])];
    const lines = await explained(
      [packages(["a", "b", "c"]), packages(["d"]), last],
      [packages(["a", "b"]), packages(["c", "d"]), last],
    );
    assert.deepEqual(reasons(lines), [
      "c: is in layer 2 now",
      "with it 2 components unchanged (2 B)",
      "c: was in layer 1",
      "with it 1 component unchanged (1 B)",
    ]);
    assert.equal(
      lines.at(-3),
      "podman and containerd pull 2 layers, 20.5 kB; the Docker Engine with a classic graph driver pulls the lowest that has changed and all above: 3 layers, 30.7 kB.",
    );

    assert.deepEqual(await explained([first, last, packages(["x"])], [last, first]), [
      "No layer is new: only the config would be sent.",
      "",
      "1 layer of the other image is gone, which held x.",
      "2 unchanged layers are at another position; that sends nothing.",
      "podman and containerd pull nothing; the Docker Engine with a classic graph driver pulls the lowest that has changed and all above: 2 layers, 20.5 kB.",
      "",
    ]);
  });

  it("has words for layers whose files are the same", async () => {
    const words = async (before: MadeLayer, now: MadeLayer) => reasons(await explained([before], [now]))[0];
    const layer = packages(["a", "b"]);
    assert.equal(
      await words({ ...layer, gzip: 1 }, { ...layer, gzip: 9 }),
      "the same content, compressed otherwise",
    );
    assert.equal(await words(layer, packages(["b", "a"])), "the same components in another order");
    assert.equal(
      await words({ entries: { x: "x" } }, { entries: { "/x": "x" } }),
      "the same files, written as another archive",
    );
  });
});
