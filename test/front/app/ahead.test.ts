import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { build, type MachineOptions, openCache, thisMachine } from "#app";
import { beginListings } from "../../../src/front/app/ahead.ts";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

describe("a build from a folder that was built before", () => {
  it("has its files listed by a thread, and gives what they are now", { timeout: 60_000 }, async (t) => {
    const folder = await temporaryFolder(t);
    const project = join(folder, "project");
    const cache = join(folder, "cache");
    writeProject(project);
    const dep = join(project, "node_modules/dep");
    // More than it is worth a thread for.
    const many = Array.from({ length: 3100 }, (_, at) => [`f${at}`, { file: "x" }] as const);
    writeTree(join(dep, "many"), { dir: Object.fromEntries(many) });
    const digest = async (options: MachineOptions): Promise<string> => {
      await using machine = thisMachine(options);
      const to = [`oci:${join(folder, "layout")}`];
      return (await build(project, { machine: { ...machine, base: "scratch" }, to })).digest;
    };
    const isListedAhead = () => beginListings(openCache(cache), project).ahead !== undefined;

    assert.ok(!isListedAhead());
    const first = await digest({ cache });
    assert.ok(isListedAhead());
    assert.equal(await digest({ cache }), first);

    writeFileSync(join(dep, "many/f7"), "another content");
    rmSync(join(dep, "run.js"));
    const changed = await digest({ cache });
    assert.notEqual(changed, first);
    assert.equal(changed, await digest({ cache: false }));
  });

  it("lists a few files by itself", async (t) => {
    const folder = await temporaryFolder(t);
    const project = join(folder, "project");
    writeProject(project);
    await using machine = thisMachine({ cache: join(folder, "cache") });
    await build(project, { machine: { ...machine, base: "scratch" }, to: [`oci:${join(folder, "layout")}`] });
    assert.equal(beginListings(machine.cache!, project).ahead, undefined);
  });
});
