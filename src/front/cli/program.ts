/** varve as the parser of command lines knows it. */
import { Command } from "commander";
import { varveVersion as version } from "#util";
import { COMMANDS, GROUPS } from "./commands.ts";

const EXAMPLES = `
In the folder of a Node.js project:
  varve build --dry-run                  what its image would be
  varve build --load                     in Docker
  varve build --push ghcr.io/me/app:1    in a registry`;

/**
 * The program, with each command's summary.
 * @param words which commands are to be there with all that they have, which takes time to load
 */
export async function makeProgram(words: readonly string[]): Promise<Command> {
  const program = new Command("varve")
    .description(
      "Builds layered, reproducible container images of Node.js projects, and of any graph of files, without a Docker daemon.",
    )
    .version(version(), "-V, --version")
    .addHelpCommand(
      new Command("help").argument("[command]").summary("say more of a command").helpGroup(GROUPS.machine),
    )
    .showHelpAfterError("(varve --help, or varve COMMAND --help, says more)");
  program.addHelpText("after", EXAMPLES);
  const isWhole = words.some((word) => Object.hasOwn(COMMANDS, word) && COMMANDS[word]!.isAboutAll);
  for (const [name, { summary, group, load }] of Object.entries(COMMANDS)) {
    if (isWhole || words.includes(name))
      program.addCommand(
        (await load())
          .command()
          .summary(summary)
          .helpGroup(group)
          .showHelpAfterError(`(varve ${name} --help says more)`),
      );
    else program.command(name).summary(summary).helpGroup(group);
  }
  return program;
}
