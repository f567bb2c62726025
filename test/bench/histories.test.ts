import assert from "node:assert/strict";
import { test } from "node:test";
import { HISTORIES, type History, historyOf, readHistory } from "../../bench/layering/histories.ts";
import { floor } from "../../bench/layering/replay.ts";

/** Two packages of one repository change, one comes and one goes. */
const history: History = {
  origin: "this test",
  dates: ["2026-01-01", "2026-01-08"],
  packages: [
    ["a", "of/both", [0, "1.0.0", 100], [1, "1.0.1", 110]],
    ["b", "of/both", [0, "1.0.0", 200], [1, "2.0.0", 220]],
    ["b@1", "of/both", [1, "1.0.0", 200]],
    ["@scope/gone", "", [0, "1.0.0", 400], [1]],
    ["stays", "", [0, "1.0.0", 800]],
  ],
};

const PROJECT = 2 * 1024 * 1024;

const contents = (at: number, images: ReturnType<typeof historyOf>): string[] =>
  [...images[at]!.contents.values()].sort();

test("one at a time, each repository's packages change together, and the project with them", () => {
  const images = historyOf(history, "one at a time");
  assert.equal(images.length, 3);
  assert.deepEqual(contents(0, images), [
    "build 0",
    "node_modules/@scope/gone 1.0.0",
    "node_modules/a 1.0.0",
    "node_modules/b 1.0.0",
    "node_modules/stays 1.0.0",
  ]);
  // By name: `@scope/gone`, which has no repository, comes before `of/both`.
  assert.deepEqual(contents(1, images), [
    "build 1",
    "node_modules/a 1.0.0",
    "node_modules/b 1.0.0",
    "node_modules/stays 1.0.0",
  ]);
  assert.deepEqual(contents(2, images), [
    "build 2",
    "node_modules/a 1.0.1",
    "node_modules/b 2.0.0",
    "node_modules/b@1 1.0.0",
    "node_modules/stays 1.0.0",
  ]);
  assert.equal(floor(images), 2 * PROJECT + 110 + 220 + 200);
});

test("weekly, all changes come at once, and six builds of the project follow", () => {
  const images = historyOf(history, "weekly");
  assert.equal(images.length, 8);
  assert.equal(floor(images), 7 * PROJECT + 110 + 220 + 200);
  assert.equal(new Set(images.map(({ contents }) => contents.get("."))).size, 8);
});

for (const name of HISTORIES) {
  test(`${name}'s history has every package once, and its changes in their order`, () => {
    const { dates, packages } = readHistory(name);
    assert.equal(new Set(packages.map(([key]) => key)).size, packages.length);
    assert.deepEqual(dates, [...dates].sort());
    for (const [key, , ...changes] of packages) {
      assert.ok(changes.length > 0, key);
      for (const [place, [at, version, bytes]] of changes.entries()) {
        assert.ok(at > (changes[place - 1]?.[0] ?? -1) && at < dates.length, key);
        if (version !== undefined) assert.ok(Number.isSafeInteger(bytes) && bytes! > 0, key);
      }
    }
  });
}
