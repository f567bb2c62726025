import { Command } from "commander";
import { buildImage, type ImageSpecInput, readSpec } from "../../build/index.ts";
import { DockerArchive, dockerArchiveSink, fileOutput } from "../../formats/index.ts";
import { type ImageDraft, writeImage } from "../../image/index.ts";
import { architecture } from "../host.ts";
import { interruptSignal } from "../interrupt.ts";
import { integer, list, pathList } from "../options.ts";
import { say, stdoutOutput } from "../output.ts";
import { formatBytes } from "../table.ts";

/** The options that take the place of the spec's fields have the fields' names. */
interface BuildCommandOptions
  extends Partial<
    Pick<
      ImageSpecInput,
      "name" | "tag" | "fromImage" | "graph" | "architecture" | "created" | "mtime" | "maxLayers"
    >
  > {
  readonly contents?: string[];
  readonly omit?: "dev"[];
  readonly exclude?: string[];
  readonly output?: string;
}

export function command(): Command {
  return new Command("build")
    .description(
      "Builds the image that a spec asks for: the components of a graph in layers, on top of a base image.",
    )
    .argument("<spec>", "the spec, a JSON file")
    .option("-o, --output <file>", "write a docker-archive, .tar or .tar.gz (default: stdout)")
    .option("--name <name>", "the image's name")
    .option("--tag <tag>", "the image's tag (default: derived from the image's digest)")
    .option("--from-image <archive>", "the base image")
    .option("--graph <path>", "the references graph, or the folder of an npm project")
    .option("--omit <type>", "leave out an npm project's packages of a type: dev", list)
    .option("--exclude <id>", "leave a component out; may be given several times", list)
    .option(
      "--contents <path>",
      "merge a component's tree into the root; may be given several times",
      pathList,
    )
    .option("--architecture <name>", "as Go names it, such as arm64 (default: this machine's)")
    .option("--created <time>", "when the image says it was made: ISO 8601, or now")
    .option("--mtime <time>", "the time of every file in the image: ISO 8601, or now")
    .option("--max-layers <n>", "the most layers the image may have (default: 100)", integer)
    .action(async (path: string, { output, ...overrides }: BuildCommandOptions) => {
      const spec = await readSpec(path, overrides);
      await using base = spec.fromImage === undefined ? undefined : await DockerArchive.open(spec.fromImage);
      const draft = await buildImage(spec, {
        ...(base === undefined ? {} : { base: await base.image() }),
        architecture: architecture(),
        now: new Date(),
        onNote: (note) => say(`Note: ${note}`),
      });
      await write(draft, output);
    });
}

async function write(draft: ImageDraft, output: string | undefined): Promise<void> {
  const sink = dockerArchiveSink({ output: output === undefined ? stdoutOutput() : fileOutput(output) });
  const [written] = await writeImage(draft, [sink], {
    signal: interruptSignal(),
    onProgress: (_, { index, layer, outcome }) => {
      if (outcome !== undefined) say(`Layer ${index + 1}: ${formatBytes(layer.descriptor.size)}`);
    },
  });
  if (output !== undefined) say(`Wrote ${written!.names.join(", ")} to ${output}`);
}
