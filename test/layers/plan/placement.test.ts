import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Component, type GraphKind, makeGraph, type ReferencesGraph } from "#graph";
import { Placement, parentsOf, projectFolder } from "../../../src/layers/plan/placement.ts";

const graph = (kind: GraphKind, ...components: Partial<Component>[]) =>
  makeGraph(
    components.map((component) => ({ id: component.path ?? "", path: "", references: [], ...component })),
    { kind, origin: "the graph" },
  );
const nix = graph(
  "nix",
  { path: "/nix/store/a" },
  { path: "/nix/store/a-b" },
  { path: "/nix/store/a/inner" },
);
const npm = graph(
  "npm",
  { id: ".", path: "/home/me/project", nested: ["node_modules"] },
  { id: "node_modules/dep", path: "/home/me/project/node_modules/dep" },
  { id: "../outside", path: "/home/me/outside" },
);

/** Of a graph whose project is run in a folder of the image. */
const placed = (
  components: ReferencesGraph,
  workingDir?: string | null,
  absent?: readonly string[],
): Placement =>
  new Placement(components, { folder: projectFolder({ workingDir, app: components.app }), absent });

describe("a component's place", () => {
  it("is the same in the image for a store path", () => {
    const placement = placed(nix, "/srv");
    assert.deepEqual(placement.trees("/nix/store/a"), [
      { kind: "tree", source: "/nix/store/a", target: "/nix/store/a" },
    ]);
  });

  it("is below the project's folder for an npm package, without what isn't its own", () => {
    for (const [workingDir, folder] of [
      [undefined, "/app"],
      ["/srv/www", "/srv/www"],
      ["/srv/www//", "/srv/www"],
      ["/srv//./old/../www", "/srv/www"],
      ["/srv/..", "/app"],
      ["/", "/app"],
      ["", "/app"],
      [null, "/app"],
    ] as const) {
      const placement = placed(npm, workingDir);
      assert.deepEqual(placement.trees("."), [
        { kind: "tree", source: "/home/me/project", target: folder, exclude: ["node_modules"] },
      ]);
      assert.equal(placement.trees("node_modules/dep")[0]!.target, `${folder}/node_modules/dep`);
    }
  });

  it("is as far from a workspace's package as in the workspace, if that is where the image works", () => {
    const workspace = { ...npm, app: "apps/api" };
    for (const [workingDir, root] of [
      [undefined, "/app"],
      ["/app", "/app"],
      ["/app/apps/api", "/app"],
      ["/srv/www/apps/api/", "/srv/www"],
      ["/apps/api", "/apps/api"],
      ["/srv/myapps/api", "/srv/myapps/api"],
    ] as const) {
      const placement = placed(workspace, workingDir);
      assert.equal(placement.trees("node_modules/dep")[0]!.target, `${root}/node_modules/dep`);
    }
  });

  it("can't be below a folder that isn't absolute", () => {
    assert.throws(() => placed(npm, "srv"), {
      code: "INVALID_SPEC",
      message: /config\.WorkingDir is srv/,
    });
  });

  it("leaves out what is being written into the project, and nothing beside it", () => {
    const outputs = ["/home/me/project/out/image.tar", "/home/me/project2/x.tar", "/elsewhere/y.tar"];
    const placement = placed(npm, undefined, outputs);
    assert.deepEqual(placement.trees(".")[0]!.exclude, ["node_modules", "out/image.tar"]);
    assert.equal(placement.trees("node_modules/dep")[0]!.exclude, undefined);
  });

  it("is nowhere for an npm package outside of its project", () => {
    assert.throws(() => placed(npm).trees("../outside"), {
      code: "INVALID_GRAPH",
      message: /\/home\/me\/outside lies outside its project/,
    });
  });

  it("is that of each of its parts, whose links lead where they should", () => {
    const [dep, more] = ["/home/me/project/node_modules/dep", "/elsewhere/dep"];
    const parts = [
      { path: more, place: "../opt/dep", nested: ["x"], links: new Map([["up", "../lib"]]) },
      { path: dep, place: "node_modules/dep" },
    ];
    const placement = placed(graph("npm", { id: "dep", path: dep, parts }), "/srv/app");
    assert.deepEqual(placement.trees("dep"), [
      { kind: "tree", source: more, target: "/srv/opt/dep", exclude: ["x", "up"] },
      { kind: "tree", source: dep, target: "/srv/app/node_modules/dep" },
    ]);
    assert.deepEqual(
      placement.links("dep").map(({ entry: { name, linkname } }) => [name, linkname]),
      [["/srv/opt/dep/up", "../lib"]],
    );
    assert.equal(placement.find("/elsewhere/dep/a"), "/srv/opt/dep/a");
    assert.equal(placement.find(`${dep}/a`), "/srv/app/node_modules/dep/a");
  });

  it("is found for a path in it, in the innermost component that holds it", () => {
    const placement = placed(nix);
    for (const path of ["/nix/store/a", "/nix/store/a-b/bin", "/nix/store/a/inner/x"])
      assert.equal(placement.locate(path), path);
    const project = placed(npm);
    assert.equal(project.locate("/home/me/project/src"), "/app/src");
    assert.equal(project.locate("/home/me/project/node_modules/dep/bin"), "/app/node_modules/dep/bin");
  });

  it("isn't found for a path that no component holds, though it begins alike", () => {
    for (const path of ["/nix/store", "/nix/store/ab", "/nix/store/b", "/"]) {
      assert.throws(() => placed(nix).locate(path), {
        code: "INVALID_SPEC",
        message: new RegExp(`^contents has ${path}, which is in no package and no store path`),
      });
    }
  });
});

describe("the directories above trees", () => {
  const parents = (...targets: string[]) =>
    parentsOf(targets.map((target) => ({ kind: "tree", source: "", target }))).map(({ entry }) => entry.name);

  it("come each after the one above it, once, and never for a tree itself", () => {
    assert.deepEqual(parents("/nix/store/a", "/nix/store/b"), ["/nix", "/nix/store"]);
    assert.deepEqual(parents("/app", "/app/node_modules/dep"), ["/app/node_modules"]);
    assert.deepEqual(parents("/x/y/z", "/x-y/z", "/a"), ["/x", "/x-y", "/x/y"]);
    assert.deepEqual(parents("/top"), []);
    assert.deepEqual(parents(), []);
  });
});
