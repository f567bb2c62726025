/** Tells why a command failed: people in a sentence on stderr, and programs that asked for JSON on stdout. */
import { constants } from "node:os";
import { CommanderError } from "commander";
import { VarveError } from "#errors";
import { faultSentence } from "./fault.ts";
import { interruptedStatus } from "./interrupt.ts";
import { printErrorNow, StdoutClosed, say, sayText } from "./output.ts";

/** Says that a command's result is bad news. The result has been printed, and so JSON has it. */
export class BadResult extends VarveError {}

/** What a failure is called that no {@link VarveError} has foreseen. */
const FAULT = "FAULT";

/** Whether the words of a command line ask for JSON; after `--` there are no options. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}

/** Tells of a fault of varve's own that nobody could catch. */
export function tellFault(sentence: string, { json }: { readonly json: boolean }): void {
  say(sentence);
  if (json) printErrorNow({ code: FAULT, message: withoutError(sentence) });
}

/** Tells why a command failed. @returns its exit status */
export function tellFailure(error: unknown, { json }: { readonly json: boolean }): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // The parser has told people already.
    if (json) printErrorNow({ code: "USAGE", message: misuse(error) });
    return 2;
  }
  if (error instanceof StdoutClosed) return 128 + constants.signals.SIGPIPE;
  const status = interruptedStatus();
  const known = error instanceof VarveError;
  const sentence = known
    ? `Error: ${error.message}`
    : status === undefined
      ? faultSentence(error)
      : "Error: interrupted";
  if (known) say(sentence);
  else sayText(sentence);
  if (json && !(error instanceof BadResult)) {
    const code = known ? error.code : status === undefined ? FAULT : "ABORTED";
    printErrorNow({ code, message: withoutError(sentence) });
  }
  if (status !== undefined) return status;
  return known && error.code === "USAGE" ? 2 : 1;
}

/** What went wrong, of a failure that ends no command. */
export function sentenceOf(error: unknown): string {
  return error instanceof VarveError ? error.message : faultSentence(error);
}

function misuse({ code, message }: CommanderError): string {
  if (code === "commander.help") return "no command was named";
  return withoutError(message)
    .trim()
    .replace(/\s*\n\s*/g, " ");
}

function withoutError(sentence: string): string {
  return sentence.replace(/^error: /i, "");
}
