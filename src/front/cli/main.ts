/** The command line: finds the command, runs it, and turns failures into a sentence and an exit status. */
import { constants } from "node:os";
import type { Command as CommanderCommand } from "commander";
import { VarveError } from "#errors";
import { COMMANDS } from "./commands.ts";
import { faultSentence, watchFaults } from "./fault.ts";
import { version } from "./version.ts";

/**
 * Runs varve.
 * @param args the arguments after the program's name
 * @returns the exit status: 0; 1 for a failure; 2 for wrong usage; 128 and its number for a signal, also for SIGPIPE, which
 *   nobody gets here: the reader of an image went away
 */
export async function main(args: readonly string[]): Promise<number> {
  // Scripts often ask for this, and it isn't worth loading a parser.
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
    return printVersion();
  }
  const { CommanderError, Command } = await import("commander");
  const { printNow, say, sayMisuse, sayText, StdoutClosed } = await import("./output.ts");
  const { cancelWork, interruptedStatus } = await import("./interrupt.ts");
  const faults = watchFaults({ tell: say, cancel: cancelWork });
  try {
    const program = new Command("varve")
      .description("Layered, reproducible container images from a graph of files, without a Docker daemon.")
      .version(version(), "-V, --version")
      .showHelpAfterError("(varve --help, or varve COMMAND --help, says more)");
    for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
      if (args[0] === name || args[1] === name) program.addCommand((await load()).command().summary(summary));
      else program.command(name).summary(summary);
    }
    const settle = (command: CommanderCommand): void => {
      command.exitOverride().configureOutput({
        writeOut: printNow,
        writeErr: (text) => sayText(text.trimEnd()),
        outputError: sayMisuse,
      });
      command.commands.forEach(settle);
    };
    settle(program);
    await program.parseAsync(args, { from: "user" });
    return faults.told ? 1 : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (faults.told) return 1;
    if (error instanceof StdoutClosed) return 128 + constants.signals.SIGPIPE;
    const status = interruptedStatus();
    if (error instanceof VarveError) say(sentence(error));
    else sayText(status === undefined ? sentence(error) : "Error: interrupted");
    if (status !== undefined) return status;
    return error instanceof VarveError && error.code === "USAGE" ? 2 : 1;
  }
}

async function printVersion(): Promise<number> {
  const { printNow, say } = await import("./output.ts");
  try {
    printNow(`${version()}\n`);
    return 0;
  } catch (error) {
    say(sentence(error));
    return 1;
  }
}

/** A known failure has its sentence; anything else is a fault of varve. */
function sentence(error: unknown): string {
  return error instanceof VarveError ? `Error: ${error.message}` : faultSentence(error);
}
