/** Where commands put what they make. */
import { isatty } from "node:tty";
import { VarveError } from "../errors.ts";
import type { ArchiveOutput } from "../formats/index.ts";
import { writeChunks } from "../util/index.ts";

const STDOUT = 1;

/**
 * Writes an image's bytes to stdout.
 * @throws VarveError `USAGE` when stdout is a terminal, `OUTPUT_CLOSED` when the reader goes away, `UNWRITABLE`
 */
export async function writeToStdout(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  if (isatty(STDOUT)) {
    throw new VarveError(
      "USAGE",
      "stdout is a terminal, and an image is no text; redirect it to a file or a pipe",
    );
  }
  await writeChunks(STDOUT, chunks, "stdout");
}

/** Stdout, as a place for an archive. */
export function stdoutOutput(): ArchiveOutput {
  return { name: "stdout", write: writeToStdout };
}

/** A line about what is being done. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A result for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
