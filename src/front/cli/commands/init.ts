import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { VarveError } from "#errors";
import { openProject, SPEC_FILE } from "#project";
import { bytesSource, writeFileAtomically } from "#util";
import { note, say } from "../output.ts";
import { onMachine } from "../places.ts";

export function command(): Command {
  return new Command("init")
    .description(
      "Writes the spec that follows from a Node.js project to varve.json in its folder, to be changed. What is in there no longer follows from the project.",
    )
    .argument("[path]", "the project's folder", ".")
    .action(run);
}

async function run(folder: string): Promise<void> {
  const file = join(folder, SPEC_FILE);
  if (existsSync(file)) {
    throw new VarveError(
      "UNWRITABLE",
      `cannot write ${file}: it is there already; change it, or remove it first`,
    );
  }
  const project = await onMachine({ cache: false }, ({ machine }) =>
    openProject(folder, { base: machine.base }),
  );
  const text = `${JSON.stringify(project.toKeep(), null, 2)}\n`;
  await writeFileAtomically(file, bytesSource(Buffer.from(text)).open());
  say(`Wrote ${file}`);
  note("its tag, labels and user still follow from the project and its base, unless you say them");
}
