import { VarveError } from "#errors";

/** The limits of {@link parseJson}. */
export interface JsonLimits {
  /** The name of what is read, for error messages, such as `the manifest of docker.io/library/busybox`. */
  readonly what: string;
  /** How many bytes the document may have. */
  readonly maxBytes: number;
  /** How deeply objects and arrays may be nested; 200 by default. */
  readonly maxDepth?: number;
}

/**
 * Reads strict JSON (RFC 8259) in UTF-8: no comments, no byte order mark, no key twice in one object, bounded in
 * size and depth. A key that comes twice is refused because readers differ in which of the two they take.
 *
 * @throws VarveError `TOO_LARGE` for a document over `maxBytes`, `INVALID_JSON` for any other fault.
 */
export function parseJson(bytes: Uint8Array, { what, maxBytes, maxDepth = 200 }: JsonLimits): unknown {
  if (bytes.length > maxBytes) {
    throw new VarveError(
      "TOO_LARGE",
      `${what} has ${bytes.length} bytes, which is more than the ${maxBytes} allowed`,
    );
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new VarveError("INVALID_JSON", `${what} is not valid UTF-8`, { cause });
  }
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new VarveError("INVALID_JSON", `${what} is not valid JSON: ${faultOf(cause)}`, { cause });
  }
  checkKeysAndDepth(text, what, maxDepth);
  return value;
}

/** The parser's own words, on one line and short: they quote the document, which may be hostile. */
function faultOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 200);
}

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Walks text that is known to be JSON, so it only has to tell strings from structure. */
function checkKeysAndDepth(text: string, what: string, maxDepth: number): void {
  /** The keys seen in each open object; null for an open array. */
  const open: (Set<string> | null)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case OPEN_OBJECT:
      case OPEN_ARRAY: {
        const isObject = text.charCodeAt(at) === OPEN_OBJECT;
        if (open.push(isObject ? new Set() : null) > maxDepth) {
          throw new VarveError("INVALID_JSON", `${what} is nested more than ${maxDepth} levels deep`);
        }
        keyNext = isObject;
        break;
      }
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        keyNext = false;
        break;
      case COMMA:
        keyNext = open.at(-1) instanceof Set;
        break;
      case QUOTE: {
        const end = endOfString(text, at);
        if (keyNext) {
          const quoted = text.slice(at, end + 1);
          const key: string = quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
          const keys = open.at(-1) as Set<string>;
          if (keys.has(key)) {
            throw new VarveError(
              "INVALID_JSON",
              `${what} has the key ${JSON.stringify(key.slice(0, 100))} twice in one object`,
            );
          }
          keys.add(key);
          keyNext = false;
        }
        at = end;
        break;
      }
    }
  }
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}
