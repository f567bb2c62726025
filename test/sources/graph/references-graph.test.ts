import assert from "node:assert/strict";
import { test } from "node:test";
import { type Component, makeGraph, withoutComponents } from "#graph";

const component = (id: string, ...references: string[]): Component => ({ id, path: id, references });
const make = (...components: Component[]) =>
  makeGraph(components, { kind: "nix", origin: "the graph g.json" });

test("components and references are ordered by code point, whatever order they come in", () => {
  const graph = make(
    component("/b", "/\u{1f600}", "/\uffee", "/a"),
    component("/\u{1f600}"),
    component("/\uffee"),
    component("/a"),
  );
  assert.deepEqual([...graph.components.keys()], ["/a", "/b", "/\uffee", "/\u{1f600}"]);
  assert.deepEqual(graph.components.get("/b")!.references, ["/a", "/\uffee", "/\u{1f600}"]);
});

test("references to itself and repeated ones are dropped", () => {
  const graph = make(component("/a", "/a", "/b", "/b"), component("/b"));
  assert.deepEqual(graph.components.get("/a")!.references, ["/b"]);
});

test("a component that is given twice just the same counts once", () => {
  const graph = make(component("/a", "/b"), component("/b"), component("/a", "/b", "/a"));
  assert.equal(graph.components.size, 2);
});

test("a component that is given twice with different references is refused", () => {
  assert.throws(() => make(component("/a", "/b"), component("/b"), component("/a")), {
    code: "INVALID_GRAPH",
    message: /the graph g\.json lists \/a twice with different references/,
  });
});

test("a dangling reference is an error that names both ends", () => {
  assert.throws(() => make(component("/a", "/b")), {
    code: "DANGLING_REFERENCE",
    message: /the graph g\.json is not complete: \/a refers to \/b, which is not in it/,
  });
});

test("excluding components removes them and the references to them, but not what only they referred to", () => {
  const graph = make(component("/a", "/b"), component("/b", "/c"), component("/c"));
  const rest = withoutComponents(graph, ["/b", "/not-there"]);
  assert.deepEqual([...rest.components.values()], [component("/a"), component("/c")]);
  assert.equal(rest.kind, "nix");
  assert.equal(graph.components.size, 3);
});
