/** The version, which scripts often ask for: it isn't worth loading the command. */
import { varveVersion } from "#util";

/** Whether that is all that is asked for. */
export function asksForVersion(args: readonly string[]): boolean {
  return args.length === 1 && (args[0] === "--version" || args[0] === "-V");
}

/** Prints it. @returns the exit status */
export async function printVersion(): Promise<number> {
  const { printNow } = await import("./output.ts");
  try {
    printNow(`${varveVersion()}\n`);
    return 0;
  } catch (error) {
    const { tellFailure } = await import("./failure.ts");
    return tellFailure(error, { json: false });
  }
}
