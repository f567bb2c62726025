import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changedPackages, type PackageManager } from "#graph";

const npm = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages });

async function changed(manager: PackageManager, before: string, after: string) {
  const names = await changedPackages(manager, { before, after });
  return names && [...names].sort();
}

describe("two states of a lock file", () => {
  it("of npm differ in packages of other versions, with other dependencies, at other places, and that came or went", async () => {
    const same = { version: "1.0.0", integrity: "x" };
    const before = {
      "": { name: "app" },
      "packages/own": { version: "1.0.0" },
      "node_modules/same": same,
      "node_modules/@s/version": { version: "1.0.0" },
      "node_modules/needs": { version: "1.0.0", dependencies: { a: "1" } },
      "node_modules/moved": same,
      "node_modules/gone": same,
      "node_modules/alias": { name: "real", version: "1.0.0" },
    };
    const after = {
      "": { name: "app", dependencies: {} },
      "packages/own": { version: "2.0.0" },
      "node_modules/same": same,
      "node_modules/@s/version": { version: "1.0.1" },
      "node_modules/needs": { version: "1.0.0", dependencies: { b: "1" } },
      "node_modules/same/node_modules/moved": same,
      "node_modules/new": same,
      "node_modules/alias": { name: "real", version: "1.1.0" },
    };
    assert.deepEqual(await changed("npm", npm(before), npm(after)), [
      ...["@s/version", "alias", "gone", "moved", "needs", "new", "real"],
    ]);
    assert.deepEqual(await changed("npm", npm(before), npm(before)), []);
  });

  it("of pnpm differ in packages and in what these are joined with", async () => {
    const lock = (version: string, peer: string) => `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1, version: ${version}}
packages:
  a@${version}:
    resolution: {integrity: sha512-a}
  '@s/b@1.0.0':
    resolution: {integrity: sha512-b}
snapshots:
  a@${version}: {}
  '@s/b@1.0.0':
    dependencies:
      c: ${peer}
`;
    assert.deepEqual(await changed("pnpm", lock("1.0.0", "1.0.0"), lock("1.0.1", "1.0.0")), ["a"]);
    assert.deepEqual(await changed("pnpm", lock("1.0.0", "1.0.0"), lock("1.0.0", "2.0.0")), ["@s/b"]);
    const own = "---\nlockfileVersion: '9.0'\npackages:\n  pnpm@11.0.0: {}\n---\n";
    const [before, after] = [lock("1.0.0", "1.0.0"), own + lock("1.0.1", "1.0.0")];
    assert.deepEqual(await changed("pnpm", before, after), ["a"]);
    const old = (version: string) =>
      `lockfileVersion: '6.0'\npackages:\n  /@s/b@${version}:\n    dev: false\n`;
    assert.deepEqual(await changed("pnpm", old("1.0.0"), old("1.0.1")), ["@s/b"]);
  });

  it("of yarn and bun differ likewise", async () => {
    const classic = (version: string) =>
      `# yarn lockfile v1\n\n\n"@s/a@^1", "@s/a@^1.1":\n  version "${version}"\n  resolved "x"\n\nb@^2, other@npm:b@^2:\n  version "2.0.0"\n`;
    assert.deepEqual(await changed("yarn-classic", classic("1.1.0"), classic("1.2.0")), ["@s/a"]);
    assert.deepEqual(
      await changed("yarn-classic", classic("1.1.0"), classic("1.1.0").replace("2.0.0", "2.1.0")),
      ["b", "other"],
    );
    const berry = (version: string) =>
      `__metadata:\n  version: 8\n\n"@s/a@npm:^1, @s/a@npm:^1.1":\n  version: ${version}\n  checksum: x\n`;
    assert.deepEqual(await changed("yarn", berry("1.1.0"), berry("1.2.0")), ["@s/a"]);
    const bun = (version: string) =>
      `{ "lockfileVersion": 1, "packages": { "@s/a": ["@s/a@${version}", "", {}, "sha512-x"], "b": ["b@1.0.0"], } }`;
    assert.deepEqual(await changed("bun", bun("1.1.0"), bun("1.2.0")), ["@s/a"]);
  });

  it("that can't be read say nothing", async () => {
    assert.equal(await changed("npm", "{", npm({})), undefined);
    assert.equal(await changed("pnpm", "a: [", "a: 1"), undefined);
  });
});
