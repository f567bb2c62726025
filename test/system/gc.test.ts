/** What `varve gc` says of a real registry, and what that frees when it is removed. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { GcReport } from "#app";
import { seededBytes } from "../support/drafts.ts";
import { writeMonorepo } from "../support/monorepo.ts";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

describe("a real registry's garbage", { skip: requires("registry", "skopeo") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let registry: Registry;
  let repository: string;

  const varve = (args: readonly string[], cwd = folder) => {
    const own = { HOME: folder, VARVE_CACHE_DIR: join(folder, "cache"), DOCKER_CONFIG: folder };
    return mustRun([...builtCommand, ...args], { cwd, env: { ...own, VARVE_BASE: "scratch" } });
  };
  const gc = async (...options: string[]): Promise<GcReport> => {
    const all = ["--older-than", "30", "--unused-jobs", "--json", "--untagged-from", "pushed", ...options];
    const [report] = JSON.parse(await varve(["gc", repository, ...all])) as [GcReport];
    return report;
  };
  /** In bytes: all files below its folder. */
  const stored = () =>
    readdirSync(registry.storage, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  const digestAt = async (tag: string) =>
    (JSON.parse(await varve(["inspect", "--json", `docker://${repository}:${tag}`])) as { digest: string })
      .digest;

  before(async () => {
    folder = await temporaryFolder(scope);
    registry = await startRegistry(scope);
    repository = `${registry.host}/team/app`;
    mkdirSync(join(folder, "files"));
    writeFileSync(join(folder, "files/shared"), seededBytes("what both have", 50_000));
    for (const [tag, created] of [
      ["old", "2020-01-01T00:00:00Z"],
      ["new", new Date().toISOString()],
    ] as const) {
      cpSync(join(folder, "files"), join(folder, tag), { recursive: true });
      writeFileSync(join(folder, tag, "own"), seededBytes(tag, 200_000));
      const files = [
        { from: "files", to: "/shared" },
        { from: tag, to: "/own" },
      ];
      writeFileSync(join(folder, `${tag}.json`), JSON.stringify({ name: "app", tag, created, files }));
      await varve(["build", `${tag}.json`, "--push", `${repository}:${tag}`, "--sbom"]);
    }
    // An image by jobs, of which one layer is another one the next time.
    const project = join(folder, "project");
    writeMonorepo(project, { services: 1, libraries: 2 });
    for (const round of ["before", "after"]) {
      for (const name of ["a", "b"])
        writeFileSync(
          join(project, "node_modules", name, "data.bin"),
          seededBytes(name === "a" ? round : name, 300_000),
        );
      const jobs = join(folder, round);
      const plan = ["plan", "services/svc-0", "--root", ".", "--jobs", jobs, "--json"];
      const { layers } = JSON.parse(await varve(plan, project)) as { layers: string[] };
      for (const job of layers) await varve(["layer", job, "--root", ".", "--push", repository], project);
      await varve(["assemble", jobs, "--push", `${repository}:jobs`], project);
      // The first one loses its name to the second, and registries list no manifest without one.
      if (round === "before") writeFileSync(join(folder, "pushed"), `${await digestAt("jobs")}\n`);
    }
  });

  it("is what varve says it is: removed, it frees what was said, and all that stays can be pulled", async () => {
    const whole = stored();
    const tags = ["jobs", "new"];
    const before = await Promise.all(tags.map(digestAt));
    const report = await gc();
    const kinds = report.garbage.map(({ tags: [tag], reason }) => `${tag?.slice(0, 12)} ${reason.kind}`);
    assert.ok(kinds.includes("old old"), kinds.join(", "));
    assert.ok(kinds.includes("varve-layer- unused-job"), kinds.join(", "));
    assert.ok(report.freed > 500_000 && report.freed < 700_000, `${report.freed} are freed`);
    assert.deepEqual([report.unread, report.missing], [[], []]);
    // A report alone removes nothing.
    await digestAt("old");
    assert.deepEqual(await gc(), report);

    assert.equal((await gc("--delete")).freed, report.freed);
    await registry.collectGarbage();
    const freed = whole - stored();
    // Links to what was removed are files, too.
    assert.ok(Math.abs(freed - report.freed) < report.freed / 20, `${freed} were freed, not ${report.freed}`);
    assert.deepEqual(await Promise.all(tags.map(digestAt)), before);
    for (const tag of tags) {
      await varve(["validate", `docker://${repository}:${tag}`]);
      const layout = `oci:${join(folder, `pulled-${tag}`)}:1`;
      await mustRun(["skopeo", "copy", "--src-tls-verify=false", `docker://${repository}:${tag}`, layout]);
    }
    const referrers = await varve(["tree", `docker://${repository}:new`]);
    assert.match(referrers, /sbom|cyclonedx|spdx/i);
    const gone = await run([...builtCommand, "inspect", `docker://${repository}:old`], {
      env: { HOME: folder },
    });
    assert.equal(gone.code, 1);
    assert.deepEqual((await gc()).garbage, []);
  });
});
