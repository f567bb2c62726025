/** Where an image goes that is built. */
import { isatty } from "node:tty";
import type { Machine, Target } from "#app";
import { VarveError } from "#errors";
import { dockerArchiveSink } from "#formats";
import { inRegistry } from "./commands/pull.ts";
import { stdoutOutput } from "./output.ts";

const STDOUT = 1;

export interface BuildTargetOptions {
  readonly output?: readonly string[];
  readonly push?: readonly string[];
  readonly load?: true;
  readonly json?: true;
}

/**
 * Where the options say that an image is to go; stdout, if they don't.
 * @throws VarveError `USAGE` where stdout can't take it
 */
export async function buildTargets({ transports }: Machine, options: BuildTargetOptions): Promise<Target[]> {
  const { output = [], push = [], load = false, json = false } = options;
  const to: Target[] = [...output, ...push.map(inRegistry)];
  if (load) to.push(await transports.daemonSink());
  if (to.length > 0) return to;
  if (json) {
    throw new VarveError(
      "USAGE",
      "stdout can't take both the image and --json; give --output, --push or --load",
    );
  }
  if (isatty(STDOUT)) {
    throw new VarveError(
      "USAGE",
      "say where the image is to go: --load into Docker, --push REFERENCE to a registry, or --output FILE; --dry-run shows what would be built",
    );
  }
  return [dockerArchiveSink({ output: stdoutOutput() })];
}
