import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../support/process.ts";

const registry = fileURLToPath(new URL("../../src/places/registry/index.ts", import.meta.url));
const util = fileURLToPath(new URL("../../src/util/index.ts", import.meta.url));

describe("nodeHttp", () => {
  it("brings a client without the one that fetch has", async () => {
    const program = `
      await import(${JSON.stringify(registry)});
      const { exchange } = await import(${JSON.stringify(util)});
      await exchange({ url: new URL("http://127.0.0.1:1/"), method: "GET", headers: {} }).catch(() => {});
      console.log(process.moduleLoadList.filter((name) => /_http_client$|deps\\/undici\\/undici$/.test(name)).join());
    `;
    const loaded = await mustRun([process.execPath, "--input-type=module", "--eval", program]);
    assert.equal(loaded.trim(), "NativeModule _http_client");
  });
});
