/** Many images in one run, beside as many single builds. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { countingProxy } from "../counting.ts";
import { monorepoFixture } from "../fixtures/monorepo.ts";
import { startRegistry } from "../registry.ts";
import { meets, type Row, sizeRow } from "../report.ts";
import { type Command, measure, runBeside, spread } from "../run.ts";

/** Of the processor time of single builds. */
const SHARE = 0.2;

export const bake: Bench = {
  name: "bake",
  what: "varve bake of 200 services that share packages into a registry, against 200 times varve build; and after a change",
  async run({ work, varve, say }) {
    const { folder, services, shared } = monorepoFixture(work, say);
    const home = mkdtempSync(join(work, "bake-"));
    try {
      const command = (...words: string[]): Command => [
        "env",
        "-C",
        folder,
        "VARVE_BASE=scratch",
        ...varve,
        ...words,
      ];
      const run = async (name: string, commands: (host: string, cache: readonly string[]) => Command[]) => {
        await using registry = await startRegistry(work);
        await using proxy = await countingProxy(registry.host);
        const cache = ["--cache-dir", join(home, name)];
        const taken = { cpu: 0, wall: 0 };
        for (const each of commands(proxy.host, cache)) {
          const { cpu, wall } = await beside(each, home);
          taken.cpu += cpu;
          taken.wall += wall;
        }
        return { ...taken, sent: proxy.sent() };
      };
      say("baking them");
      const baked = await run("baked", (host, cache) => [
        command("bake", "--quiet", ...cache, "--to", `docker://${host}/{name}:{tag}`),
      ]);
      say("building them one by one");
      const single = await run("single", (host, cache) =>
        services.map((service) =>
          command("build", service, "--quiet", ...cache, "--push", `${host}/mono/${service}:1.0.0`),
        ),
      );
      say("baking them again, and after a shared package changed");
      const layout = join(home, "layout");
      const to = ["--to", `oci:${layout}:{target}`];
      const cache = ["--cache-dir", join(home, "baked")];
      const again = command("bake", "--quiet", ...cache, ...to);
      measure(again, { sink: "none" });
      const unchanged = measure(again, { sink: "none" });
      appendFileSync(join(folder, shared, "index.js"), "// changed\n");
      const affected = measure(command("bake", "--quiet", ...cache, ...to, "--affected-since", "main"), {
        sink: "none",
      });
      const rows: Row[] = [
        ratioRow(
          "200 services: varve bake / 200 times varve build, processor time",
          baked.cpu,
          single.cpu,
          SHARE,
        ),
        ratioRow("the same, time", baked.wall, single.wall),
        sizeRow(
          "the same, bytes sent to the registry",
          { ours: baked.sent, theirs: single.sent },
          { atMost: 1 },
        ),
        ratioRow("again, nothing changed / 200 times varve build, processor time", unchanged.cpu, single.cpu),
        ratioRow(
          "those that a change of a shared package affects / all of them again, processor time",
          affected.cpu,
          unchanged.cpu,
        ),
      ];
      return rows;
    } finally {
      execFileSync("git", ["checkout", "--quiet", "."], { cwd: folder });
      rmSync(home, { recursive: true });
    }
  },
};

/** Measures a command while the registry's proxy, which is in this process, goes on. */
async function beside(command: Command, home: string): Promise<{ cpu: number; wall: number }> {
  const report = join(home, "time");
  const since = performance.now();
  await runBeside(command, ["/usr/bin/time", "-q", "-f", "%U %S", "-o", report]);
  const wall = (performance.now() - since) / 1000;
  const [user = 0, system = 0] = readFileSync(report, "utf8").trim().split(" ").map(Number);
  return { cpu: user + system, wall };
}

/** A row that compares two figures in seconds, of one run each. */
function ratioRow(what: string, ours: number, theirs: number, atMost?: number): Row {
  const ratio = ours / theirs;
  const target = atMost === undefined ? undefined : { atMost };
  return {
    what,
    unit: "s",
    ours: spread([ours]),
    theirs: spread([theirs]),
    ratio: spread([ratio]),
    ...(target && { target }),
    met: target === undefined || meets(ratio, target),
  };
}
