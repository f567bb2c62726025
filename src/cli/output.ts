/** Where commands put what they make. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { errnoOf, VarveError, writeError } from "../errors.ts";
import type { ArchiveOutput } from "../formats/index.ts";
import { writeChunks } from "../util/index.ts";

const STDOUT = 1;
const STDERR = 2;

/** How long to wait, in milliseconds, before a pipe that was full is tried again. */
const FULL_PIPE_PAUSE = 2;

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

/**
 * Writes a text or bytes to stdout, whole. (Not through `process.stdout`, which tells of a failure only when nobody can
 * catch it.)
 * @throws VarveError `OUTPUT_CLOSED` when the reader goes away, `UNWRITABLE`
 */
export function print(text: string | Uint8Array): void {
  try {
    writeWhole(STDOUT, text);
  } catch (error) {
    throw writeError("stdout", error);
  }
}

/** A result for programs. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** A line about what is being done; whether anybody reads it doesn't matter. */
export function say(line: string): void {
  try {
    writeWhole(STDERR, `${line}\n`);
  } catch {
    // There is no better place to tell it.
  }
}

function writeWhole(fd: number, text: string | Uint8Array): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // A pipe that somebody set to non-blocking, and that is full.
      if (errnoOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE);
    }
  }
}
