/** JSON as Python's `json` module reads and prints it: order, integers and floats survive the round trip exactly. */

import { createScanner } from "jsonc-parser";
import { VarveError } from "#errors";
import { hex, pythonFloat } from "./repr.ts";

/**
 * A JSON value with what Python's keeps and JavaScript's loses: a `bigint` is an `int`, a `number` is a `float`, and
 * an object is a `Map`, since a JavaScript object would move keys such as `"80"` to its front.
 */
export type PyJson = null | boolean | bigint | number | string | PyJson[] | PyObject;

/** A JSON object in the order of its keys. */
export type PyObject = Map<string, PyJson>;

/** Python gives up at about as many levels (its recursion limit); no real document comes near. */
const MAX_DEPTH = 1000;

/** Python converts no longer numeral to an `int` (`sys.int_info.default_max_str_digits`). */
export const MAX_INT_DIGITS = 4300;

// The values of jsonc-parser's `const enum`s, which can't be imported into code that runs without a compiler.
const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const COMMA = 5;
const COLON = 6;
const NULL = 7;
const TRUE = 8;
const FALSE = 9;
const STRING = 10;
const NUMBER = 11;
const LINE_COMMENT = 12;
const BLOCK_COMMENT = 13;
const LINE_BREAK = 14;
const TRIVIA = 15;
const UNKNOWN = 16;
const END = 17;

const SCAN_ERRORS: Record<number, string> = {
  1: "a comment, which JSON doesn't have",
  2: "a string that doesn't end on its line",
  3: "a number that stops too early",
  4: "a \\u that is not followed by four hexadecimal digits",
  5: "an escape that JSON doesn't have",
  6: "a control character inside a string",
};

/** A container that is being filled; `key` is the one whose value comes next. */
interface Frame {
  container: PyJson[] | PyObject;
  key: string;
}

/**
 * Parses JSON as Python's `json.load` does: the keys' order is kept, of two equal keys the last value stands at the first
 * one's position, integers are exact, and `NaN`, `Infinity` and `-Infinity` are floats. No comments, no trailing commas.
 *
 * @param text the document; a byte-order mark is an error, as in Python
 * @param options.what the document's name in messages, for example its file's path
 * @throws VarveError `INVALID_JSON` with line and column (from 1) where the text stops being JSON, is nested more than
 *   1000 levels deep, or has an integer of more than 4300 digits
 */
export function parsePythonJson(text: string, options: { what: string }): PyJson {
  return new Parser(text, options.what).document();
}

class Parser {
  readonly #scanner: ReturnType<typeof createScanner>;
  readonly #what: string;
  /** Innermost last; a stack of our own, since a document must not be able to exhaust the engine's. */
  readonly #frames: Frame[] = [];
  #token: number = UNKNOWN;

  constructor(text: string, what: string) {
    this.#scanner = createScanner(text, false);
    this.#what = what;
  }

  document(): PyJson {
    this.#next();
    for (;;) {
      const value = this.#valueOrOpen();
      if (value === undefined) continue;
      const root = this.#attach(value);
      if (root === undefined) continue;
      if (this.#token !== END) this.#fail("something after the document's end");
      return root;
    }
  }

  /** Reads a scalar or an empty container; or opens a container, up to its first value, and returns undefined. */
  #valueOrOpen(): PyJson | undefined {
    switch (this.#token) {
      case OPEN_BRACE:
        return this.#open(new Map(), CLOSE_BRACE);
      case OPEN_BRACKET:
        return this.#open([], CLOSE_BRACKET);
      case STRING:
        return this.#take(this.#scanner.getTokenValue());
      case NUMBER:
        return this.#take(this.#number(this.#scanner.getTokenValue()));
      case NULL:
        return this.#take(null);
      case TRUE:
        return this.#take(true);
      case FALSE:
        return this.#take(false);
      case UNKNOWN:
        return this.#take(this.#constant());
      default:
        return this.#fail(this.#token === END ? "the end where a value is due" : "no value where one is due");
    }
  }

  #open(container: PyJson[] | PyObject, close: number): PyJson | undefined {
    if (this.#frames.length >= MAX_DEPTH) this.#fail(`more than ${MAX_DEPTH} levels of nesting`);
    this.#next();
    if (this.#token === close) return this.#take(container);
    this.#frames.push({ container, key: "" });
    if (container instanceof Map) this.#key();
    return undefined;
  }

  /** Puts a finished value where it belongs, closing what ends after it; returns the root once that is finished. */
  #attach(finished: PyJson): PyJson | undefined {
    let value = finished;
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const { container } = frame;
      const isObject = container instanceof Map;
      if (isObject) container.set(frame.key, value);
      else container.push(value);
      if (this.#token === COMMA) {
        this.#next();
        if (isObject) this.#key();
        return undefined;
      }
      if (this.#token !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        this.#fail(`no comma and no ${isObject ? "}" : "]"} after a value`);
      }
      this.#next();
      this.#frames.pop();
      value = container;
    }
    return value;
  }

  /** Reads `"key":` into the innermost frame. */
  #key(): void {
    this.#expect(STRING, "no key in double quotes where one is due");
    this.#frames.at(-1)!.key = this.#scanner.getTokenValue();
    this.#next();
    this.#expect(COLON, "no colon after a key");
    this.#next();
  }

  #expect(token: number, problem: string): void {
    if (this.#token !== token) this.#fail(problem);
  }

  #number(numeral: string): bigint | number {
    if (/[.eE]/.test(numeral)) return Number(numeral);
    if (numeral.length - (numeral.startsWith("-") ? 1 : 0) > MAX_INT_DIGITS) {
      this.#fail(`an integer of more than ${MAX_INT_DIGITS} digits`);
    }
    return BigInt(numeral);
  }

  /** The floats that only Python's dialect of JSON writes down; the scanner sees the minus as a word of its own. */
  #constant(): number {
    const word = this.#scanner.getTokenValue();
    if (word === "NaN") return Number.NaN;
    if (word === "Infinity") return Number.POSITIVE_INFINITY;
    if (word === "-") {
      this.#scan();
      if (this.#token === UNKNOWN && this.#scanner.getTokenValue() === "Infinity")
        return Number.NEGATIVE_INFINITY;
    }
    return this.#fail("no value where one is due");
  }

  #take<T extends PyJson>(value: T): T {
    this.#next();
    return value;
  }

  #next(): void {
    do this.#scan();
    while (this.#token === TRIVIA || this.#token === LINE_BREAK);
  }

  #scan(): void {
    this.#token = this.#scanner.scan();
    if (this.#token === LINE_COMMENT || this.#token === BLOCK_COMMENT) this.#fail(SCAN_ERRORS[1]!);
    const error = this.#scanner.getTokenError();
    if (error !== 0) this.#fail(SCAN_ERRORS[error] ?? "something that isn't JSON");
  }

  #fail(problem: string): never {
    const line = this.#scanner.getTokenStartLine() + 1;
    const column = this.#scanner.getTokenStartCharacter() + 1;
    throw new VarveError(
      "INVALID_JSON",
      `${this.#what} is not valid JSON: line ${line}, column ${column} has ${problem}; correct it there`,
    );
  }
}

/**
 * An object of named values, for documents that varve itself composes. JavaScript puts keys that are whole numbers
 * first, so only other names may be written this way.
 */
export function pyObject(entries: { readonly [key: string]: PyJson }): PyObject {
  return new Map(Object.entries(entries));
}

/**
 * Prints a value as Python's `json.dumps(value, indent=…)` does: ASCII only, a surrogate that has no partner as the
 * escape it came from, an empty container on one line, floats as Python's `repr` prints them.
 *
 * @param indent the spaces of one level, at least 0; with 0 there are still line breaks, as in Python
 */
export function dumpPythonJson(value: PyJson, indent = 4): string {
  const parts: string[] = [];
  const stack: { rest: Iterator<[string | number, PyJson]>; close: string }[] = [];
  const newline = () => `\n${" ".repeat(indent * stack.length)}`;

  const open = (item: PyJson): boolean => {
    const isObject = item instanceof Map;
    if (!isObject && !Array.isArray(item)) return parts.push(scalar(item)) < 0;
    const isEmpty = isObject ? item.size === 0 : item.length === 0;
    if (isEmpty) return parts.push(isObject ? "{}" : "[]") < 0;
    parts.push(isObject ? "{" : "[");
    stack.push({ rest: item.entries(), close: isObject ? "}" : "]" });
    return true;
  };

  let atStart = open(value);
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.rest.next();
    if (next.done === true) {
      stack.pop();
      parts.push(newline(), frame.close);
      atStart = false;
      continue;
    }
    const [key, item] = next.value;
    parts.push(atStart ? "" : ",", newline());
    if (typeof key === "string") parts.push(quote(key), ": ");
    atStart = open(item);
  }
  return parts.join("");
}

function scalar(value: null | boolean | bigint | number | string): string {
  if (typeof value === "string") return quote(value);
  return typeof value === "number" ? pythonFloat(value) : String(value);
}

const SHORT_ESCAPES: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quote(text: string): string {
  return `"${text.replace(/["\\]|[^ -~]/g, (unit) => SHORT_ESCAPES[unit] ?? `\\u${hex(unit.charCodeAt(0), 4)}`)}"`;
}
