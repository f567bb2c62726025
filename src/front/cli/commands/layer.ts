import { Command } from "commander";
import { runJob } from "#app";
import { jobText } from "#jobs";
import { formatBytes } from "#report";
import { bytesSource, writeFileAtomically } from "#util";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { jsonOption } from "../options.ts";
import { note, print, printJson, say, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";
import { absolutePath } from "../strategy-options.ts";

interface LayerOptions extends PlaceOptions, CacheOptions {
  readonly push?: string;
  readonly root?: string;
  readonly output?: string;
  readonly quiet?: true;
  readonly json?: true;
}

export function command(): Command {
  const command = new Command("layer")
    .description(
      "Does the job of one layer, which varve plan --jobs has made: packs, compresses and sends it, or finds that it is there. The same job has the same result on every machine that has the same files, however often it is done.",
    )
    .argument("<job>", "the job, a JSON file")
    .option("--push <repository>", "the repository that gets the layer, such as registry.example/app")
    .option("--root <folder>", "the folder below which the files are (default: .)", absolutePath)
    .option(
      "-o, --output <file>",
      "write the result to a file instead of stdout; JOB.done.json beside the job is where varve assemble looks for it",
      absolutePath,
    )
    .option("-q, --quiet", "print nothing but the result and errors")
    .addOption(jsonOption());
  return registryOptions(cacheOptions(command)).action(run);
}

async function run(path: string, options: LayerOptions): Promise<void> {
  const { push, root, output, quiet = false } = options;
  await onMachine(options, async (operation) => {
    const { result, wasThere } = await runJob(path, {
      ...{ ...operation, push, root },
      onNote: quiet ? undefined : note,
      onOutput: quiet ? undefined : scriptOutput,
    });
    const { digest, size } = result.descriptor;
    const where = result.repository ?? "nowhere";
    const what = wasThere
      ? "was there already"
      : push === undefined
        ? "was made, and sent nowhere"
        : "is there";
    if (!quiet) say(`The layer ${digest.slice(7, 19)} (${formatBytes(size)}) ${what}: ${where}`);
    if (output !== undefined)
      await writeFileAtomically(output, bytesSource(Buffer.from(jobText(result))).open());
    else if (options.json) await printJson(result);
    else await print(jobText(result));
  });
}
