/** What the daemon reports while it works: JSON values, one per line. */
import { VarveError } from "#errors";
import { oneLine } from "#util";

/** Lines are a few hundred bytes; an error may quote some output. */
const MAX_LINE = 1024 * 1024;

/** How many characters of an error are shown. */
const MAX_WORDS = 500;

/**
 * Reads the progress that the daemon reports to its end.
 * @param what says what the daemon should do, for the error's sentence
 * @throws VarveError `DAEMON` with the daemon's words if it reports an error; and whatever the chunks throw
 */
export async function readProgress(chunks: AsyncIterable<Uint8Array>, what: string): Promise<void> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of chunks) {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    line += first;
    for (const next of others) {
      checkLine(line, what);
      line = next;
    }
    if (line.length > MAX_LINE) {
      throw new VarveError(
        "DAEMON",
        `the Docker daemon's answer has a line of more than ${MAX_LINE} characters`,
      );
    }
  }
  checkLine(line + decoder.decode(), what);
}

function checkLine(line: string, what: string): void {
  const words = errorIn(line);
  if (words !== undefined) throw new VarveError("DAEMON", `the Docker daemon could not ${what}: ${words}`);
}

/** The error that a line of progress reports. Anything that isn't JSON reports none; some daemons write plain text. */
function errorIn(line: string): string | undefined {
  const value = objectIn(line);
  const detail = value["errorDetail"];
  const words =
    typeof detail === "object" && detail !== null ? (detail as { message?: unknown }).message : undefined;
  const text = words ?? value["error"];
  if (text === undefined && detail === undefined) return undefined;
  return typeof text === "string" && text !== "" ? oneLine(text, MAX_WORDS) : "it didn't say why";
}

/** What an answer that isn't 200 says: `{"message": WORDS}`, or plain text. */
export function refusalIn(body: string): string {
  const { message } = objectIn(body);
  return oneLine(typeof message === "string" ? message : body, MAX_WORDS);
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
