import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Layout, Lock } from "#layering";
import { FleetLayouts } from "../../../../src/front/app/bake/layouts.ts";

const layout = (...layers: string[]): Layout => ({
  layers: layers.map((layer) => new Map(layer.split(" ").map((name) => [name, "1"]))),
});
const shown = (layouts: readonly Layout[]) =>
  layouts.flatMap(({ layers }) => layers.map((layer) => [...layer.keys()].join(" ")));

describe("the layouts of images that are planned together", () => {
  it("have each layer of the others once", () => {
    const layouts = new FleetLayouts();
    assert.deepEqual(layouts.othersThan("a"), []);
    layouts.set("a", layout("x y", "z"));
    layouts.set("b", layout("x y", "q"));
    assert.deepEqual(shown(layouts.othersThan("c")), ["x y", "z", "q"]);
    assert.deepEqual(shown(layouts.othersThan("a")), ["x y", "q"]);
    assert.equal(layouts.layoutOf("a"), undefined);
    assert.deepEqual([...layouts.planned.keys()], ["a", "b"]);
  });

  it("begin with those of a lock file, in whose place comes what was planned", () => {
    const lock = new Lock(
      new Map([
        ["a", layout("x y", "z")],
        ["b", layout("x y")],
      ]),
    );
    const layouts = new FleetLayouts(lock);
    assert.equal(layouts.layoutOf("a"), lock.layoutOf("a"));
    assert.deepEqual(shown(layouts.othersThan("c")), ["x y", "z"]);
    layouts.set("a", layout("x", "y z"));
    assert.deepEqual(shown(layouts.othersThan("c")), ["x y", "x", "y z"]);
    layouts.set("a", layout("x"));
    assert.deepEqual(shown(layouts.othersThan("c")), ["x y", "x"]);
    assert.deepEqual([...layouts.planned.keys()], ["a"]);
  });
});
