/** A project with more than 1,400 packages: what planning takes, and building it again. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { manyPackages } from "../fixtures/many.ts";
import { startRegistry } from "../registry.ts";
import { secondsRow } from "../report.ts";
import { type Command, measure, measureTurns, type Sample } from "../run.ts";

export const many: Bench = {
  name: "many",
  what: "varve build --dry-run and --push of a project with more than 1,400 packages",
  async run({ work, varve, say, ...options }) {
    const { project, packages } = manyPackages(work, say);
    const folder = mkdtempSync(join(work, "many-"));
    await using registry = await startRegistry(work);
    try {
      const scratch = ["env", "VARVE_BASE=scratch"] as const;
      const plan: Command = [...scratch, ...varve, "build", project, "--dry-run"];
      const cache = ["--cache-dir", join(folder, "cache"), "--push", `${registry.host}/many:1`];
      const build: Command = [...scratch, ...varve, "build", project, "--quiet", ...cache];
      say(`${packages} packages: planning, and building with a line changed`);
      measure(build, { sink: "none" });
      const servants = [registry.pid];
      let lines = 0;
      const [planned, built, again] = await measureTurns(
        [
          async () => ({ command: plan, sink: "none" as const }),
          async () => {
            appendFileSync(join(project, "index.js"), `// change ${lines++}\n`);
            return { command: build, sink: "none" as const, servants };
          },
          async () => ({ command: build, sink: "none" as const, servants }),
        ],
        options,
      );
      const walls = (samples: readonly Sample[]) => samples.map(({ wall }) => wall);
      const name = `${packages.toLocaleString("en")} packages`;
      return [
        secondsRow(`${name}: varve build --dry-run`, walls(planned!), 1),
        secondsRow(`${name}: varve build --push, one line changed`, walls(built!), 2),
        secondsRow(`${name}: varve build --push, nothing changed`, walls(again!), 2),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
