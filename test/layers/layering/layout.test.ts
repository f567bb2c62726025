import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph } from "#graph";
import { formatLayout, layoutOf, leader, parseLayout, parseWeights } from "#layering";
import { anyReferences, graphOf } from "./graphs.ts";

const HASH = "0123456789abcdfghijklmnpqrsvwxyz";

test("a layout has the components of each layer by key, with what tells their versions", () => {
  const graph = graphOf({
    [`/nix/store/${HASH}-b-1`]: [],
    [`/nix/store/${HASH}-a-2`]: [],
    "/nix/store/c-3": [],
  });
  const groups = [[`/nix/store/${HASH}-b-1`], ["/nix/store/c-3", `/nix/store/${HASH}-a-2`]];
  assert.equal(
    formatLayout(layoutOf(graph, groups)),
    `{
  "version": 1,
  "layers": [
    {"b":"0123456789abcdfg"},
    {"a":"0123456789abcdfg","c":"c-3"}
  ]
}
`,
  );
});

test("an npm package is told by its version, and what is the project's own by nothing", () => {
  const components = [
    { id: ".", path: "/p", references: [], version: "1.0.0" },
    { id: "packages/w", path: "/p/w", references: [], name: "w", version: "1.0.0" },
    { id: "node_modules/a", path: "/p/a", references: [], name: "a", version: "2.0.0" },
  ];
  const graph = makeGraph(components, { kind: "npm", origin: "a test" });
  const { layers } = layoutOf(graph, [[".", "packages/w", "node_modules/a"]]);
  assert.deepEqual(
    [...layers[0]!],
    [
      [".", ""],
      ["a", "2.0.0"],
      ["w", ""],
    ],
  );
});

test("what is written is read again", () => {
  fc.assert(
    fc.property(anyReferences, fc.integer({ min: 1, max: 5 }), (references, available) => {
      const graph = graphOf(references);
      const layout = layoutOf(graph, leader.plan({ graph, available }));
      assert.deepEqual(parseLayout(formatLayout(layout), "a test"), layout);
    }),
  );
});

test("what is no layout is refused with its name", () => {
  for (const [text, code] of [
    ["", "INVALID_JSON"],
    ["[]", "INVALID_LAYOUT"],
    ['{"version":3,"layers":[]}', "INVALID_LAYOUT"],
    ['{"version":1,"layers":[["a"]]}', "INVALID_LAYOUT"],
    ['{"version":1,"layers":[],"more":1}', "INVALID_LAYOUT"],
    ['{"version":1,"layers":[{"a":"1"},{"a":"2"}]}', "INVALID_LAYOUT"],
  ] as const) {
    assert.throws(() => parseLayout(text, "it.json"), { code, message: /^it\.json/ }, text);
  }
});

test("weights are whole numbers of 1 or more", () => {
  assert.deepEqual(
    parseWeights('{"app":365,"lib":1}', "w"),
    new Map([
      ["app", 365],
      ["lib", 1],
    ]),
  );
  for (const text of ['{"a":0}', '{"a":1.5}', '{"a":"1"}', "[]", '{"a":-1}', '{"a":9007199254740993}']) {
    assert.throws(() => parseWeights(text, "w.json"), { code: "INVALID_LAYOUT", message: /^w\.json/ }, text);
  }
});
