import { rm } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { assertSameStream, type Case } from "../../support/stream-oracle.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { pathBytes, type Tree } from "../../support/tree.ts";

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(..."abcdefgh-._") },
  fc.constantFrom(
    " ",
    "\n",
    "'",
    '"',
    "\\",
    "=",
    "é",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "😀",
    "\udc80",
    "\udcff",
  ),
  fc.string({ minLength: 1, maxLength: 1, unit: "binary" }).filter((text) => !/[\0/]/.test(text)),
);
const name = fc
  .tuple(fc.array(character, { minLength: 1, maxLength: 10 }), fc.constantFrom(1, 1, 1, 9, 16, 30))
  .map(([parts, times]) => parts.join("").repeat(times))
  .filter((text) => text !== "." && text !== ".." && pathBytes(text).length <= 255);
const mode = fc.integer({ min: 0, max: 0o7777 });

const { tree, dir } = fc.letrec<{ tree: Tree; leaf: Tree; dir: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("leaf"), tie("dir")),
  leaf: fc.oneof(
    fc.record({
      file: fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 10240, 1048577), fc.nat(30000)),
      mode: mode.map((bits) => bits | 0o400),
    }),
    fc.record({ link: fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/")) }),
  ),
  dir: fc.record({
    dir: fc.dictionary(name, tie("tree"), { maxKeys: 6, noNullPrototype: true }),
    mode: mode.map((bits) => bits | 0o700),
  }),
}));

const time = fc
  .tuple(
    fc.date({ min: new Date("0001-02-01"), max: new Date("9999-12-01"), noInvalidDate: true }),
    fc.constantFrom("", "Z", "+01:30", "-23:59:59.5"),
  )
  .map(([date, zone]) => date.toISOString().slice(0, -1) + zone);
const id = fc.oneof(fc.nat(70000), fc.nat(2 ** 40), fc.nat(70000).map(String));
const ownerName = fc.string({ maxLength: 40 });

const testCase: fc.Arbitrary<Case> = fc
  .record({
    store: fc.dictionary(name, fc.oneof(tree, dir), { minKeys: 1, maxKeys: 5, noNullPrototype: true }),
    conf: fc.record({ created: time, mtime: time, uid: id, gid: id, uname: ownerName, gname: ownerName }),
    config: fc.json({ depthSize: "small" }).map((value) => `{"Value": ${value}}`),
  })
  .chain(({ store, ...rest }) =>
    fc
      .array(fc.array(fc.constantFrom(...Object.keys(store)), { maxLength: 3 }), { maxLength: 4 })
      .map((layers) => ({ store, ...rest, layers })),
  );

describe("varve stream", { skip: requires("python") }, () => {
  it("writes what CPython writes, whatever the trees and the conf", async (t) => {
    const folder = await temporaryFolder(t);
    await fc.assert(
      fc.asyncProperty(testCase, async (test) => {
        await assertSameStream(`${folder}/case`, test).finally(() =>
          rm(`${folder}/case`, { recursive: true }),
        );
      }),
      { numRuns: 15 },
    );
  });
});
