/** The command line: finds the command, runs it, and has failures told. */
import type { Command as CommanderCommand } from "commander";
import { watchFaults } from "./fault.ts";

/**
 * Runs varve.
 * @param args the arguments after the program's name
 * @returns the exit status: 0; 1 for a failure; 2 for wrong usage; 128 and its number for a signal, also for SIGPIPE, which
 *   nobody gets here: the reader of an image went away
 */
export async function main(args: readonly string[]): Promise<number> {
  const { CommanderError } = await import("commander");
  const { printNow, sayMisuse, sayText } = await import("./output.ts");
  const { cancelWork } = await import("./interrupt.ts");
  const { misuseWords } = await import("./misuse.ts");
  const { asksForJson, tellFailure, tellFault } = await import("./failure.ts");
  const json = asksForJson(args);
  const faults = watchFaults({ tell: (sentence) => tellFault(sentence, { json }), cancel: cancelWork });
  try {
    const { makeProgram } = await import("./program.ts");
    const program = await makeProgram(args.slice(0, 2));
    const settle = (command: CommanderCommand): void => {
      command
        .exitOverride(({ exitCode, code, message }) => {
          throw new CommanderError(exitCode, code, misuseWords(message, command));
        })
        .configureOutput({
          writeOut: printNow,
          writeErr: (text) => sayText(text.trimEnd()),
          outputError: (text) => sayMisuse(misuseWords(text, command)),
        });
      command.commands.forEach(settle);
    };
    settle(program);
    await program.parseAsync(args, { from: "user" });
    return faults.told ? 1 : 0;
  } catch (error) {
    // What else fails after a fault has been told is only a consequence.
    if (faults.told && !(error instanceof CommanderError)) return 1;
    return tellFailure(error, { json });
  }
}
