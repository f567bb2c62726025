/** varve as the parser of command lines knows it. */
import { Command } from "commander";
import { varveVersion as version } from "#util";
import { COMMANDS, GROUPS } from "./commands.ts";
import { EXAMPLES } from "./examples.ts";
import { pathOf } from "./misuse.ts";

const FIRST_STEPS = `
In the folder of a Node.js project:
  varve build --dry-run                  what its image would be
  varve build --load                     in Docker
  varve build --push ghcr.io/me/app:1    in a registry`;

/** What options do is wrapped beside long names of them, too. */
const WRAPPING = { minWidthToWrap: 20 };

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
    .configureHelp(WRAPPING)
    .showHelpAfterError("(varve --help, or varve COMMAND --help, says more)");
  program.addHelpText("after", FIRST_STEPS);
  const isWhole = words.some((word) => Object.hasOwn(COMMANDS, word) && COMMANDS[word]!.isAboutAll);
  for (const [name, { summary, group, load }] of Object.entries(COMMANDS)) {
    if (isWhole || words.includes(name)) {
      const command = (await load()).command().summary(summary).helpGroup(group);
      program.addCommand(command);
      sayMoreOf(command);
    } else program.command(name).summary(summary).helpGroup(group);
  }
  return program;
}

/** Has a command, and those in it, name their own help after an error, and end it with an example. */
function sayMoreOf(command: Command): void {
  const path = pathOf(command);
  command.showHelpAfterError(`(varve ${path} --help says more)`);
  command.configureHelp(WRAPPING);
  const example = EXAMPLES[path];
  if (example !== undefined) command.addHelpText("after", `\nExample:\n  ${example}`);
  command.commands.forEach(sayMoreOf);
}
