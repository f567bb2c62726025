/** The real Docker Engine, as what it is compared with and as what pulls. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Dockerd, startDockerd } from "../test/system/support/dockerd.ts";
import type { Command } from "./run.ts";

/** A Docker Engine of the benchmark's own, gone when it is disposed of. */
export interface Engine extends AsyncDisposable {
  /** As `DOCKER_HOST` has it. */
  host: string;
  /** `docker ARGS` against it, with BuildKit. */
  command(...args: readonly string[]): Command;
  /** Runs it, and throws with its last words when it fails. */
  docker(...args: readonly string[]): string;
}

/** Starts an engine. Needs root. */
export async function startEngine(): Promise<Engine> {
  const stack = new AsyncDisposableStack();
  const engine: Dockerd = await startDockerd({ after: (cleanup) => stack.defer(cleanup) });
  const client = clientWithBuildKit();
  const command = (...args: readonly string[]): Command => [
    "env",
    "DOCKER_BUILDKIT=1",
    // Neither the user's own settings nor another engine than this one.
    "DOCKER_CONFIG=/nonexistent",
    ...[client, "--host", `unix://${engine.socket}`, ...args],
  ];
  return {
    host: `unix://${engine.socket}`,
    command,
    docker(...args) {
      const [file, ...rest] = command(...args);
      const ran = spawnSync(file, rest, { encoding: "utf8", maxBuffer: 1 << 28 });
      if (ran.status !== 0) throw new Error(`docker ${args.join(" ")} failed: ${ran.stderr.slice(-2000)}`);
      return ran.stdout;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The last release whose client has what BuildKit needs in itself. Newer ones need a plugin. */
const LAST_WITHOUT_PLUGIN = 22;

function clientWithBuildKit(): string {
  for (const client of ["docker", "/usr/bin/docker"]) {
    if (client.startsWith("/") && !existsSync(client)) continue;
    const asked = (...args: string[]) => spawnSync(client, args, { encoding: "utf8" });
    const [, major] = /version (\d+)\./.exec(asked("--version").stdout ?? "") ?? [];
    if (Number(major) <= LAST_WITHOUT_PLUGIN || asked("buildx", "version").status === 0) return client;
  }
  throw new Error('there is no docker that can build with BuildKit: run "apt-get install docker.io"');
}
