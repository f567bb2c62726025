import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  judge,
  type Matches,
  type Pattern,
  parsePatterns,
  readPatterns,
} from "../../../src/sources/project/ignore/patterns.ts";

/** Whether a file with these patterns leaves a path out, walked down to as the engine does. */
function isOut(patterns: readonly Pattern[], path: string): boolean {
  const parts = path.split("/");
  let matches: Matches | undefined;
  let by: Pattern | undefined;
  for (let end = 1; end <= parts.length; end++) {
    ({ by, matches } = judge(patterns, parts.slice(0, end).join("/"), matches));
  }
  return by !== undefined && !by.negated;
}

const leavesOut = (text: string, path: string) => isOut(parsePatterns(text, ".dockerignore"), path);

describe("the patterns of .dockerignore", () => {
  // What github.com/moby/patternmatcher 0.6.1 says of each.
  for (const [text, out, stays] of [
    ["# a\n\n  b  \n", ["b", "b/c"], ["a", "# a", "c/b"]],
    [" # a", ["# a"], ["a"]],
    ["\uFEFFa\r\nb\r\n", ["a", "b"], ["c"]],
    ["/a\n//b\n./c\nd/\ne/../f", ["a", "b", "c", "d", "f", "a/x"], ["x/a", "e"]],
    ["*.md\n!README.md", ["a.md", "!README.md.md"], ["README.md", "docs/a.md"]],
    ["a?c\n[xy]z\n[^xy]w\n[a-c]1", ["abc", "xz", "aw", "b1"], ["ac", "a/c", "zz", "xw", "d1"]],
    ["**/a", ["a", "x/a", "x/y/a", "x/a/b"], ["xa", "ab"]],
    ["**a", ["a", "xa", "x/ya"], ["ab"]],
    ["**/*.js", ["a.js", "x/a.js"], ["a.jsx"]],
    ["a/**", ["a/b", "a/b/c"], ["a", "ab"]],
    ["a**", ["a", "ab", "ab/c"], ["b"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb"]],
    ["**", ["a", "a/b", ".a"], []],
    ["*", ["a", "a/b"], []],
    ["*\n!a\na/b", ["b", "a/b", "a/b/c"], ["a", "a/c"]],
    ["a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"]],
    ["a\n!**/b", ["a", "a/c"], ["a/b", "a/c/b"]],
    // An exception is tried only where something was left out before, so the folder's own doesn't count for what is in it.
    ["a/b\n!a", ["a/b"], ["a", "a/c"]],
    ["!a\na", ["a"], []],
    ["/ *", ["a", "a b"], []],
    ["./!a\nb", ["b"], ["a", "!a"]],
    ["\\*", ["*"], ["a"]],
    ["\\!a", ["!a"], ["a"]],
    ["a+(b)|$.{2}", ["a+(b)|$.{2}"], ["ab"]],
    ["../a\n/\n.", [], ["a", "../b"]],
    ["é?\n?😀", ["éa", "é😀", "a😀"], ["é"]],
  ] as const) {
    it(`says of ${JSON.stringify(text)} what Docker's engine does`, () => {
      for (const path of out) assert.ok(leavesOut(text, path), `${path} is out`);
      for (const path of stays) assert.ok(!leavesOut(text, path), `${path} stays`);
    });
  }

  for (const text of [
    "!",
    "! ",
    "!/",
    "./!",
    "[",
    "a[",
    "[]",
    "[a",
    "[]a]",
    "[a-]",
    "[b-a]",
    "[-a]",
    "a\\",
  ]) {
    it(`refuse ${JSON.stringify(text)}, and say where it is`, () => {
      assert.throws(() => parsePatterns(text, ".dockerignore"), {
        code: "INVALID_SPEC",
        message: /^\.dockerignore has the pattern /,
      });
    });
  }

  it("mean a path by its name only if their last part says something", () => {
    const named = (text: string) => readPatterns([text], "include")[0]!.named;
    assert.deepEqual([".env", "a/.env.*", "**/*.pem", "a*"].map(named), [true, true, true, true]);
    assert.deepEqual(["*", "**", "a/**", "a/*", "*.*", ".?*", "[a-z.]*"].map(named), Array(7).fill(false));
  });

  it("are as a model has them that tries every way of reading a pattern", () => {
    const part = fc.array(fc.constantFrom("a", "b", "*", "?", "[ab]", "."), { minLength: 1, maxLength: 3 });
    const parts = fc.oneof(
      { weight: 3, arbitrary: part.map((tokens) => tokens.join("")) },
      fc.constant("**"),
    );
    const path = fc
      .array(
        parts.filter((text) => text === "**" || (!text.includes("**") && !/^\.+$/.test(text))),
        { minLength: 1, maxLength: 4 },
      )
      .map((all) => all.join("/"));
    const line = fc.tuple(fc.boolean(), path).map(([negated, text]) => (negated ? "!" : "") + text);
    const name = fc.constantFrom("a", "b", "ab", "a.b", "ba", "c");
    const candidate = fc.array(name, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), candidate, (lines, file) => {
        assert.equal(leavesOut(lines.join("\n"), file), modelLeavesOut(lines, file));
      }),
      { numRuns: 2000 },
    );
  });

  it("are matched in good time, however many stars they have", () => {
    const text = `${"**/a*".repeat(12)}!`;
    assert.equal(leavesOut(text, `${"a/".repeat(200)}b`), false);
  });
});

/** Whether the model leaves a path out: of each folder on the way it keeps which patterns matched. */
function modelLeavesOut(lines: readonly string[], file: string): boolean {
  const parts = file.split("/");
  let before = lines.map(() => false);
  let out = false;
  for (let end = 1; end <= parts.length; end++) {
    const path = parts.slice(0, end);
    const above = before;
    out = false;
    before = lines.map((line, index) => {
      const negated = line.startsWith("!");
      const pattern = line.slice(negated ? 1 : 0).split("/");
      const matched = above[index]! || (negated === out && modelMatches(pattern, path));
      if (matched) out = !negated;
      return matched;
    });
  }
  return out;
}

/** Part by part: `**` is no folder, or one and again `**`; at the end it is at least one name. */
function modelMatches(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first !== "**")
    return path.length > 0 && modelPart(first, path[0]!) && modelMatches(rest, path.slice(1));
  if (rest.length === 0) return path.length > 0;
  return modelMatches(rest, path) || (path.length > 0 && modelMatches(pattern, path.slice(1)));
}

/** Character by character. */
function modelPart(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  if (pattern.startsWith("*")) {
    return modelPart(pattern.slice(1), name) || (name !== "" && modelPart(pattern, name.slice(1)));
  }
  if (name === "") return false;
  if (pattern.startsWith("[ab]"))
    return "ab".includes(name[0]!) && modelPart(pattern.slice(4), name.slice(1));
  return (pattern[0] === "?" || pattern[0] === name[0]) && modelPart(pattern.slice(1), name.slice(1));
}
