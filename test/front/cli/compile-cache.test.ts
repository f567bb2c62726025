import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { mustRun, run } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand } from "../../support/varve.ts";

const NAME = "varve-compiled";

describe("compiled modules", () => {
  const scope = stacked({ after });

  /** Starts varve with a cache folder, and gives the names in what it keeps of itself. */
  async function started(cache: string, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
    // A temporary folder of its own shows what would be left in the usual one.
    const temporary = await temporaryFolder(scope);
    await mustRun([...sourceCommand, "--help"], {
      // Where Node.js itself is told of a folder, it is that one.
      env: { NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: cache, TMPDIR: temporary, ...env },
    });
    assert.deepEqual(readdirSync(temporary), []);
    return cache !== "" && existsSync(join(cache, NAME)) ? readdirSync(join(cache, NAME)) : [];
  }

  it("are kept in a folder that only the user can write, and nothing of them in /tmp", async () => {
    const cache = join(await temporaryFolder(scope), "cache");
    assert.equal((await started(cache)).length, 1);
    assert.equal(statSync(join(cache, NAME)).mode & 0o7777, 0o700);
  });

  it("are those that a command needs, whatever other one ran before", async () => {
    const cache = join(await temporaryFolder(scope), "cache");
    const env = { NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: cache };
    await mustRun([...sourceCommand, "build", "--help"], { env });
    await run([...sourceCommand, "../../elsewhere"], { env });
    assert.deepEqual(readdirSync(join(cache, NAME)), ["others"]);
    await run([...sourceCommand, "plan", join(cache, "nothing")], { env });
    assert.deepEqual(readdirSync(join(cache, NAME)).sort(), ["others", "plan"]);
    assert.deepEqual(readdirSync(cache), [NAME]);
  });

  it("are not believed in a folder that others can write, that is a link, or in one that others can rename", async () => {
    const folder = await temporaryFolder(scope);
    for (const mode of [0o777, 0o1777, 0o770]) {
      const cache = join(folder, `mode-${mode}`);
      mkdirSync(join(cache, NAME), { recursive: true });
      chmodSync(join(cache, NAME), mode);
      assert.deepEqual(await started(cache), [], mode.toString(8));
    }
    const linked = join(folder, "linked");
    const elsewhere = join(folder, "elsewhere");
    for (const path of [linked, elsewhere]) mkdirSync(path);
    symlinkSync(elsewhere, join(linked, NAME));
    assert.deepEqual(await started(linked), []);
    const open = join(folder, "open");
    const below = join(open, "cache");
    mkdirSync(join(below, NAME), { recursive: true, mode: 0o700 });
    chmodSync(open, 0o777);
    assert.deepEqual(await started(below), []);
    chmodSync(open, 0o1777);
    assert.equal((await started(below)).length, 1);
  });

  it("are not believed in another user's folder", { skip: requires("root") }, async () => {
    const folder = await temporaryFolder(scope);
    for (const foreign of [folder, join(folder, NAME)]) {
      mkdirSync(join(folder, NAME), { recursive: true, mode: 0o700 });
      chownSync(foreign, 65534, 65534);
      assert.deepEqual(await started(folder), []);
      chownSync(foreign, 0, 0);
    }
  });

  it("are kept where Node.js is told to keep them, or not at all", async () => {
    const folder = await temporaryFolder(scope);
    const [cache, told] = [join(folder, "cache"), join(folder, "told")];
    assert.deepEqual(await started(cache, { NODE_COMPILE_CACHE: told }), []);
    assert.notDeepEqual(readdirSync(told), []);
    assert.deepEqual(await started(cache, { NODE_DISABLE_COMPILE_CACHE: "1" }), []);
    assert.ok(!existsSync(cache));
  });

  it("are compiled each time where there is no home, and none is made", async () => {
    const folder = await temporaryFolder(scope);
    // As in Nix's builds without a sandbox, which refuse to go on once it is there.
    const home = join(folder, "homeless-shelter");
    assert.deepEqual(await started("", { HOME: home }), []);
    assert.deepEqual(readdirSync(folder), []);
  });
});
