/** The output of commands: their results, and what they say. Nothing else writes to the terminal. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { errnoOf, VarveError, writeError } from "#errors";
import type { ArchiveOutput } from "#formats";
import { bytesSource, shown, shownJson, shownLines, writeToReader } from "#util";
import { interrupted } from "./interrupt.ts";

const STDOUT = 1;
const STDERR = 2;

/** How long to wait, in milliseconds, before a pipe that was full is tried again. */
const FULL_PIPE_PAUSE = 2;

/** The reader of an image on stdout went away before it had everything, so there is nobody to whom that could be reported. */
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
      "stdout is a terminal, and an image isn't text; redirect it to a file or a pipe",
    );
  }
  await writeToReader(STDOUT, chunks, { name: "stdout", signal: interrupted }).catch((error) => {
    throw isClosed(error) ? new StdoutClosed(error) : error;
  });
}

/** Stdout as a target for an archive. */
export function stdoutOutput(): ArchiveOutput {
  return { name: "stdout", write: writeToStdout };
}

/**
 * Writes everything to stdout, unless its reader goes away, which then has read enough. A text is written without what is unfit
 * to be shown, bytes exactly. (Not through `process.stdout`, which reports a failure only when it can't be caught.)
 * @throws VarveError `UNWRITABLE`, `ABORTED`
 */
export async function print(text: string | Uint8Array): Promise<void> {
  const chunks = bytesSource(Buffer.from(typeof text === "string" ? shownLines(text) : text)).open();
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
    writeWhole(STDOUT, shownLines(text));
  } catch (error) {
    const failure = writeError("stdout", error);
    if (!isClosed(failure)) throw failure;
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof VarveError && error.code === "OUTPUT_CLOSED";
}

/** Whether a program has got its document: there is one for each command. */
let isDocumentPrinted = false;

/** A result for programs, with the exact values. */
export async function printJson(value: unknown): Promise<void> {
  isDocumentPrinted = true;
  await print(`${shownJson(value, 2)}\n`);
}

/** Tells a program why there is no result. Where stdout doesn't take it, the exit status says enough. */
export function printErrorNow(error: { readonly code: string; readonly message: string }): void {
  if (isDocumentPrinted) return;
  isDocumentPrinted = true;
  try {
    writeWhole(STDOUT, `${shownJson({ error }, 2)}\n`);
  } catch {
    // It has been told on stderr.
  }
}

/** A line about what is being done. Foreign text in it can't start another line, and it doesn't matter if nobody reads it. */
export function say(line: string): void {
  sayText(shown(line));
}

/** A sentence about what is being done, as a line of its own. */
export function tellSentence(sentence: string): void {
  say(sentence.slice(0, 1).toUpperCase() + sentence.slice(1));
}

/** A sentence about the result that isn't an error. */
export function note(sentence: string): void {
  say(`Note: ${sentence}`);
}

/** Tells what went well, but isn't of the use that was meant. */
export function warn(sentence: string): void {
  say(`Warning: ${sentence}`);
}

/** The hint after a usage error if a word is similar to a known one. */
const SUGGESTION = /\n\(Did you mean [^\n]+\)\n$/;

/** The parser's message about wrong arguments, which it quotes. */
export function sayMisuse(text: string): void {
  const [suggestion = ""] = SUGGESTION.exec(text) ?? [];
  say(text.slice(0, text.length - suggestion.length).trimEnd());
  if (suggestion !== "") say(suggestion.trim());
}

/** Lines about what is being done, whose ends and tabs stay. */
export function sayText(lines: string): void {
  tell(`${shownLines(lines)}\n`);
}

/** How many lines at the end of the terminal are to be replaced by what is said next. */
let drawn = 0;

/** Writes lines to a terminal's stderr that stay there until something else is said or drawn. */
export function draw(lines: readonly string[]): void {
  const text = lines.map((line) => `\x1b[2K${shown(line)}\n`).join("");
  if (drawn > 0 || text !== "") tell(text);
  drawn = lines.length;
}

function tell(text: string): void {
  const erased = drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : "";
  drawn = 0;
  try {
    writeWhole(STDERR, erased + text);
  } catch {
    // There is no better place to report it.
  }
}

/** A line that a script wrote. */
export function scriptOutput(line: string, script: string): void {
  sayText(`${script} | ${line}`);
}

function writeWhole(fd: number, text: string | Uint8Array): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // A pipe that another process has set to non-blocking, and that is full.
      if (errnoOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE);
    }
  }
}
