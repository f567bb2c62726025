import assert from "node:assert/strict";
import { test } from "node:test";
import { isInstalled, kindOf } from "#graph";

test("says what a component of a Node project is", () => {
  const alone = { kind: "npm" } as const;
  const ids = [".", "packages/shared", "node_modules/a", "packages/shared/node_modules/a"];
  assert.deepEqual(
    ids.map((id) => kindOf(alone, id)),
    ["app", "workspace", "dependency", "dependency"],
  );
  assert.deepEqual(
    ["node_modules/.pnpm/a@1.0.0", ".yarn/cache/a-npm-1.0.0.zip", ".yarn/unplugged/a-npm-1"].map((id) =>
      kindOf(alone, id),
    ),
    ["dependency", "dependency", "dependency"],
  );
});

test("the app of a workspace is the package that was asked for; the root's folder is part of the workspace", () => {
  const graph = { kind: "npm", app: "apps/api" } as const;
  assert.deepEqual(
    [".", "apps/api", "apps/api/node_modules/a", "packages/shared"].map((id) => kindOf(graph, id)),
    ["workspace", "app", "dependency", "workspace"],
  );
});

test("a store path is a dependency", () => {
  assert.equal(kindOf({ kind: "nix" }, "/nix/store/0-a"), "dependency");
});

test("a folder that is only named like a package manager's is the project's own", () => {
  assert.equal(isInstalled("packages/node_modules-tools"), false);
  assert.equal(isInstalled("packages/.yarn/releases"), false);
});
