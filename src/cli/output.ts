/** Where commands put what they make. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { errnoOf, VarveError, writeError } from "../errors.ts";
import type { ArchiveOutput } from "../formats/index.ts";
import { bytesSource, writeToReader } from "../util/index.ts";
import { interrupted } from "./interrupt.ts";

const STDOUT = 1;
const STDERR = 2;

/** How long to wait, in milliseconds, before a pipe that was full is tried again. */
const FULL_PIPE_PAUSE = 2;

/** The reader of an image on stdout went away before it had everything: nobody is left to be told. */
export class StdoutClosed extends VarveError {
  constructor(cause: unknown) {
    super("OUTPUT_CLOSED", "cannot write stdout: the reader closed the pipe", { cause });
  }
}

/**
 * Writes an image's bytes to stdout.
 * @throws VarveError `USAGE` when stdout is a terminal, `OUTPUT_CLOSED` when the reader goes away, `UNWRITABLE`, `ABORTED`
 */
export async function writeToStdout(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  if (isatty(STDOUT)) {
    throw new VarveError(
      "USAGE",
      "stdout is a terminal, and an image is no text; redirect it to a file or a pipe",
    );
  }
  await writeToReader(STDOUT, chunks, { name: "stdout", signal: interrupted }).catch((error) => {
    throw isClosed(error) ? new StdoutClosed(error) : error;
  });
}

/** Stdout, as a place for an archive. */
export function stdoutOutput(): ArchiveOutput {
  return { name: "stdout", write: writeToStdout };
}

/**
 * Writes a text or bytes to stdout, whole, unless its reader goes away, who then has read enough. (Not through
 * `process.stdout`, which tells of a failure only when nobody can catch it.)
 * @throws VarveError `UNWRITABLE`, `ABORTED`
 */
export async function print(text: string | Uint8Array): Promise<void> {
  const chunks = bytesSource(Buffer.from(text)).open();
  await writeToReader(STDOUT, chunks, { name: "stdout", signal: interrupted }).catch((error) => {
    if (!isClosed(error)) throw error;
  });
}

/**
 * Writes a text to stdout as {@link print} does, before anything else happens. Signals aren't heard meanwhile.
 * @throws VarveError `UNWRITABLE`
 */
export function printNow(text: string): void {
  try {
    writeWhole(STDOUT, text);
  } catch (error) {
    const failure = writeError("stdout", error);
    if (!isClosed(failure)) throw failure;
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof VarveError && error.code === "OUTPUT_CLOSED";
}

/** A result for programs. */
export async function printJson(value: unknown): Promise<void> {
  await print(`${JSON.stringify(value, null, 2)}\n`);
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
