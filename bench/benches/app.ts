/** Images of an application's size, beside the time that reading and hashing the same files takes. */
import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { countingProxy } from "../counting.ts";
import { appStore } from "../fixtures/app-store.ts";
import { streamConf } from "../fixtures/conf.ts";
import { debianStore } from "../fixtures/debian.ts";
import { serviceFixture } from "../fixtures/service.ts";
import { startRegistry } from "../registry.ts";
import { requestsRow, secondsRow, timeRow } from "../report.ts";
import { tarIntoOpenssl } from "../rivals.ts";
import { type Command, measure, measurePair, measureTurns, runBeside } from "../run.ts";

export const streamApp: Bench = {
  name: "stream-app",
  what: "varve stream of 80 store paths, 0.3 GB, against tar | openssl sha256: cold and again",
  async run({ work, varve, say, ...options }) {
    const fixture = appStore(work, await debianStore(work, say));
    const conf = streamConf(join(work, "conf-app"), fixture, varve);
    const folder = mkdtempSync(join(work, "stream-app-"));
    try {
      const theirs = tarIntoOpenssl(fixture);
      const ours = (...cache: string[]): Command => [...varve, "stream", ...cache, conf];
      say(`80 store paths, ${(fixture.bytes / 1e6).toFixed(0)} MB: streaming them`);
      const cold = await measurePair({ ours: ours("--no-cache"), theirs, ...options, sink: "pipe" });
      const known = ours("--cache-dir", join(folder, "cache"));
      measure(known, { sink: "pipe" });
      const again = await measurePair({ ours: known, theirs, ...options, sink: "pipe" });
      return [
        timeRow("80 store paths: varve stream / tar | openssl sha256", cold, { slower: 1.5 }),
        timeRow("80 store paths, again: varve stream / tar | openssl sha256", again, { slower: 1.15 }),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

export const buildApp: Bench = {
  name: "build-app",
  what: "varve build of a service with 249 packages: into a file, cold and again, and into a registry after a change",
  async run({ work, varve, say, ...options }) {
    const fixture = serviceFixture(work, say);
    const folder = mkdtempSync(join(work, "build-app-"));
    await using registry = await startRegistry(work);
    await using proxy = await countingProxy(registry.host);
    try {
      const project = join(folder, "project");
      cpSync(fixture.project, project, { recursive: true, preserveTimestamps: true });
      const build = (...words: string[]): Command => [
        "env",
        ...["VARVE_BASE=scratch", ...varve, "build", project, "--quiet", ...words],
      ];
      const limit: Command = ["sh", "-c", 'tar -C "$1" -cf - . | openssl sha256', "sh", project];
      const archive = ["--output", join(folder, "app.tar")];
      const cache = ["--cache-dir", join(folder, "cache")];
      say("building a service into a file");
      const [cold, coldLimit] = await measureTurns(
        [build("--no-cache", ...archive), limit].map((command) => async () => ({
          command,
          sink: "none" as const,
        })),
        options,
      );
      measure(build(...cache, ...archive), { sink: "none" });
      const [again, againLimit] = await measureTurns(
        [build(...cache, ...archive), limit].map((command) => async () => ({
          command,
          sink: "none" as const,
        })),
        options,
      );
      say("building it into a registry with a file changed");
      const push = (host: string) => build(...cache, "--push", `${host}/app:1`);
      measure(push(registry.host), { sink: "none" });
      let lines = 0;
      const [changed, node] = await measureTurns(
        [
          async () => {
            appendFileSync(join(project, "dist/server.js"), `// ${lines++}\n`);
            return { command: push(registry.host), sink: "none" as const, servants: [registry.pid] };
          },
          async () => ({ command: [varve[0], "-e", "0"] as const, sink: "none" as const }),
        ],
        options,
      );
      const before = proxy.requests();
      await runBeside(push(proxy.host));
      const requests = proxy.requests() - before;
      const beyond = changed!.map(({ wall }, at) => wall - node![at]!.wall);
      return [
        timeRow(
          "service into a file: varve build / tar | openssl sha256",
          { ours: cold!, theirs: coldLimit! },
          { slower: 1.5 },
        ),
        timeRow(
          "service into a file, again: varve build / tar | openssl sha256",
          { ours: again!, theirs: againLimit! },
          { slower: 1.15 },
        ),
        secondsRow("service into a registry, one file changed: varve build beyond node -e 0", beyond, 0.12),
        requestsRow("service into a registry, nothing changed", requests, 2),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
