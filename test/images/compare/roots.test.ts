import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareRoots } from "#compare";
import { type MadeEntry, madeImage } from "#testing";

type Entries = Readonly<Record<string, string | MadeEntry>>;

const dir: MadeEntry = { dir: true };
const hardLink = (link: string): MadeEntry => ({ link, type: "1", mode: 0o644 });

async function compared(a: readonly Entries[], b: readonly Entries[]) {
  const [before, now] = await Promise.all(
    [a, b].map((all) => madeImage(all.map((entries) => ({ entries })))),
  );
  const { differences } = await compareRoots(before!.layers, now!.layers);
  return differences.map(({ path, change, aspects }) => [path, change, ...aspects].join(" "));
}

const ROOT: Entries = { "a/b": "b", "a/c": "c", "a/e": hardLink("a/b"), l: { link: "a" }, d: dir };

describe("two root file systems", () => {
  it("are the same whatever layers they are in", async () => {
    const split = [
      { "a/b": "old", gone: "1", l: { link: "a" } },
      { ".wh.gone": "", "a/c": "c" },
      { "a/b": "b", "a/e": hardLink("a/b"), d: dir },
    ];
    assert.deepEqual(await compared([ROOT], split), []);
    assert.deepEqual(await compared([], []), []);
  });

  it("differ in what is there", async () => {
    assert.deepEqual(await compared([ROOT], [{ ...ROOT, "a/.wh.x": "", "a/x": "x" }]), ["a/x added"]);
    assert.deepEqual(await compared([ROOT], [ROOT, { ".wh.d": "", "a/.wh.c": "" }]), [
      "a/c removed",
      "d removed",
    ]);
  });

  for (const [aspect, change, path = "a/c"] of [
    ["content", { "a/c": "d" }],
    ["type link mode", { "a/c": { link: "b" } }, "a/c"],
    ["link", { l: { link: "b" } }, "l"],
    ["mode", { "a/c": { content: "c", mode: 0o4644 } }],
    ["owner", { "a/c": { content: "c", uid: 1 } }],
    ["owner", { "a/c": { content: "c", gname: "staff" } }],
    ["mtime", { "a/c": { content: "c", mtime: 2 } }],
    ["attributes", { "a/c": { content: "c", pax: new Map([["SCHILY.xattr.user.x", "1"]]) } }],
    ["mode", { d: { dir: true, mode: 0o700 } }, "d"],
  ] as const) {
    it(`differ in ${aspect} of ${path}`, async () => {
      const [found, ...others] = await compared([ROOT], [ROOT, change as Entries]);
      assert.deepEqual(others, []);
      const [where, what, ...aspects] = found!.split(" ");
      assert.deepEqual([where, what], [path, "changed"]);
      assert.ok(
        aspect.split(" ").every((each) => aspects.includes(each)),
        found,
      );
    });
  }

  it("differ in which names are one file", async () => {
    assert.deepEqual(await compared([ROOT], [ROOT, { "a/e": "b" }]), ["a/e changed hard links"]);
  });

  it("differ in devices' numbers", async () => {
    const device = (devminor: number): Entries => ({ tty: { type: "3", devmajor: 5, devminor } });
    assert.deepEqual(await compared([device(0)], [device(1)]), ["tty changed content"]);
  });
});
