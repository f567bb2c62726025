/** Packages with files for several platforms, as real ones have them: a fault counts where the package can't do without. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { appEntries, baseEntries, type Entries, findingsOf, library } from "./support/sound-image.ts";

const addon = library({ symbols: ["napi_register_module_v1"] });
const arm = library({ machine: 183, symbols: ["napi_register_module_v1"] });
const musl = library({ needed: ["libc.musl-x86_64.so.1"], neededVersions: {} });
const mac = { content: Buffer.from("cffaedfe0700000103000000", "hex") };

async function found(entries: Entries): Promise<string[]> {
  const below = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [`app/node_modules/${name}`, entry]),
  );
  const findings = await findingsOf([baseEntries(), { ...appEntries(), ...below }]);
  return findings.map(
    ({ severity, code, path }) => `${severity} ${code} ${path.replace("/app/node_modules/", "")}`,
  );
}

describe("a package for several platforms", () => {
  const fine: Readonly<Record<string, Entries>> = {
    "folders that are named after systems": {
      "a/prebuilds/linux-x64/a.node": addon,
      "a/prebuilds/darwin-arm64/a.node": mac,
    },
    "names with versions of Node.js": {
      "a/lib/binding/node-v137-linux-x64/a.node": addon,
      "a/lib/binding/node-v115-linux-x64/a.node": library({ symbols: ["node_register_module_v115"] }),
    },
    "names of processors and C libraries": {
      "a/prebuilds/linux-arm/node.napi.armv7.node": library({ machine: 40, bits: 32 }),
      "a/prebuilds/linux-x64/node.napi.glibc.node": addon,
      "a/prebuilds/linux-x64/node.napi.musl.node": musl,
    },
    "a package for each, all of which are installed": {
      "@a/core-linux-x64-gnu/core.linux-x64-gnu.node": addon,
      "@a/core-linux-x64-musl/core.linux-x64-musl.node": musl,
      "@a/core-linux-arm64-gnu/core.linux-arm64-gnu.node": arm,
    },
    "the same, as pnpm keeps them": {
      ".pnpm/@a+core-linux-x64-gnu@1.0.0/node_modules/@a/core-linux-x64-gnu/core.linux-x64-gnu.node": addon,
      ".pnpm/@a+core-linux-x64-musl@1.0.0/node_modules/@a/core-linux-x64-musl/core.linux-x64-musl.node": musl,
    },
    "one that was built here beside some for others": {
      "a/build/Release/a.node": addon,
      "a/prebuilds/darwin-x64/a.node": mac,
      "a/prebuilds/win32-x64/a.node": { content: Buffer.from("MZ, for Windows") },
    },
  };
  for (const [name, entries] of Object.entries(fine)) {
    it(`is fine if one can be loaded: ${name}`, async () => assert.deepEqual(await found(entries), []));
  }

  it("may do without any, which is only a warning", async () => {
    assert.deepEqual(await found({ "node-pty/prebuilds/darwin-x64/pty.node": mac }), [
      "warning wrong-platform node-pty/prebuilds/darwin-x64/pty.node",
    ]);
  });

  it("fails if the package for this one is missing, or its own addon is for another", async () => {
    assert.deepEqual(await found({ "@a/core-linux-arm64-gnu/core.node": arm }), [
      "error wrong-platform @a/core-linux-arm64-gnu/core.node",
    ]);
    assert.deepEqual(await found({ "a/build/Release/a.node": arm }), [
      "error wrong-platform a/build/Release/a.node",
    ]);
    assert.deepEqual(await found({ "@a/core-linux-x64-musl/core.node": musl }), [
      "error missing-library @a/core-linux-x64-musl/core.node",
    ]);
  });
});
