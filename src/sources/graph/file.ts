import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { VarveError } from "#errors";
import { readWhole } from "#util";

/** More bytes than the graph of any real system has: that of a NixOS desktop has a few megabytes. */
const GRAPH_SIZE_LIMIT = 256 * 1024 * 1024;

export interface ReadTextOptions {
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The text of a file of at most {@link GRAPH_SIZE_LIMIT} bytes.
 *
 * @throws {VarveError} NOT_FOUND, UNREADABLE, TOO_LARGE, ABORTED, or INVALID_GRAPH if it isn't UTF-8.
 */
export async function readText(
  path: string,
  { limit = GRAPH_SIZE_LIMIT, signal }: ReadTextOptions = {},
): Promise<string> {
  const bytes = await readWhole(path, { limit, signal });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VarveError("INVALID_GRAPH", `${path} is not a references graph: it is not UTF-8 text`, {
      cause,
    });
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a JSON value is an object (and neither null nor a list). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value of a JSON text read from `path`.
 *
 * @throws {VarveError} INVALID_JSON with the line and column of the first mistake.
 */
export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VarveError("INVALID_JSON", `${path} is not valid JSON: ${firstMistake(text)}`, { cause });
  }
}

/** The engine's own message quotes the text, line ends and all; this one says where to look. */
function firstMistake(text: string): string {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch {
    return "it is nested too deeply";
  }
  const first = errors[0];
  if (first === undefined) return "a string in it has a character that must be escaped";
  const before = text.slice(0, first.offset).split("\n");
  return `${printParseErrorCode(first.error)} at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
