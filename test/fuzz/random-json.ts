/** JSON documents that are nearly right: sound ones, changed in their values or in their text. */
import fc from "fast-check";

const DIGEST = `sha256:${"0".repeat(64)}`;

/** Names that JavaScript has a meaning for, and others that formats have. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "",
    "__proto__",
    "constructor",
    "toString",
    "0",
    "-1",
    "..",
    "/",
    "a/../b",
    "\0",
    "\ud800",
    DIGEST,
  ),
  fc.constantFrom(
    "\u001b[31m",
    "\u202e",
    "é",
    "e\u0301",
    "😀",
    "sha512:00",
    "true",
    "null",
    "latest",
    "amd64",
  ),
  fc.string({ maxLength: 12 }),
  fc.nat(5000).map((length) => "x".repeat(length)),
);

const deep = fc.tuple(fc.nat(1500), fc.boolean()).map(([depth, list]) => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = list ? [value] : { a: value };
  return value;
});

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(null, true, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[]], [null], {}) },
  { weight: 3, arbitrary: oddText },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: deep },
);

interface Change {
  readonly at: number;
  readonly what: "replace" | "remove" | "rename" | "wrap" | "repeat";
  readonly value: unknown;
  readonly key: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(1_000_000),
  what: fc.constantFrom("replace", "remove", "rename", "wrap", "repeat"),
  value: oddValue,
  key: oddText,
});

/** A place in a document: the container, and the key or index in it. */
type Place = readonly [container: Record<string, unknown>, key: string];

function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null || found.length > 500) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Record<string, unknown>, key]);
    placesOf((value as Record<string, unknown>)[key], found);
  }
  return found;
}

function setOwn(container: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
}

function apply(document: unknown, { at, what, value, key: newKey }: Change): void {
  const places = placesOf((document as Record<string, unknown>)["root"]);
  const place = places[at % (places.length + 1)];
  // Beyond the last place is the document itself.
  const [container, key] = place ?? [document as Record<string, unknown>, "root"];
  const old = container[key];
  if (what === "replace") setOwn(container, key, value);
  else if (what === "wrap") setOwn(container, key, at % 2 === 0 ? [old] : { [newKey]: old });
  else if (Array.isArray(container)) {
    if (what === "repeat") container.push(structuredClone(old));
    else container.splice(Number(key), 1);
  } else if (container !== document) {
    if (what !== "repeat") delete container[key];
    if (what !== "remove") setOwn(container, newKey, structuredClone(old));
  }
}

interface Edit {
  readonly at: number;
  readonly drop: number;
  readonly insert: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(1_000_000),
  drop: fc.nat(4),
  insert: fc.oneof(
    fc.constantFrom(
      "",
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "\\",
      "//",
      "\u0000",
      "\ufeff",
      "NaN",
      "1e999",
      "-",
      ",,",
    ),
    fc.constantFrom("\\u0000", "\\ud800", '"a":1,', '"a":1,"A":2,', "\u{10ffff}", "\r\n"),
    fc.string({ maxLength: 3 }),
  ),
});

/** The bytes of one of these documents, often changed in its values, sometimes in its text or its bytes. */
export function nearly(documents: readonly unknown[]): fc.Arbitrary<Buffer> {
  return fc
    .record({
      document: fc.constantFrom(...documents),
      changes: fc.array(change, { maxLength: 4 }),
      edits: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(edit, { maxLength: 3 })),
      byte: fc.option(fc.tuple(fc.nat(1_000_000), fc.nat(255)), { freq: 8 }),
    })
    .map(({ document, changes, edits, byte }) => {
      const holder = { root: structuredClone(document) };
      for (const each of changes) apply(holder, each);
      let text = typeof holder.root === "string" ? holder.root : (JSON.stringify(holder.root) ?? "");
      for (const { at, drop, insert } of edits) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + insert + text.slice(start + drop);
      }
      const bytes = Buffer.from(text);
      if (byte !== null && bytes.length > 0) bytes[byte[0] % bytes.length] = byte[1];
      // A finding is easier to read as text.
      return Object.assign(bytes, { [fc.toStringMethod]: () => JSON.stringify(bytes.toString("latin1")) });
    });
}
