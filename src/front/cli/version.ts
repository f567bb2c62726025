/** Prints the version without the command, which isn't worth loading for that. */
import { varveVersion } from "#util";
import { printNow } from "./output.ts";

/** @returns the exit status */
export async function printVersion(): Promise<number> {
  try {
    printNow(`${varveVersion()}\n`);
    return 0;
  } catch (error) {
    const { tellFailure } = await import("./failure.ts");
    return tellFailure(error, { json: false });
  }
}
