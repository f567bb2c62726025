/** Trees of files for properties. */
import fc from "fast-check";
import { pathBytes, type Tree } from "./tree.ts";

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(..."abcdefgh-._") },
  fc.constantFrom(" ", "\n", "'", "\\", "é", "\u{d7ff}", "\u{e000}", "\u{ffff}", "😀", "\udc80", "\udcff"),
);

export const fileName = fc
  .tuple(fc.array(character, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 1, 1, 1, 20))
  .map(([parts, times]) => parts.join("").repeat(times))
  .filter((text) => text !== "." && text !== ".." && pathBytes(text).length <= 255);

/** Directories, files and links, as deep as four. */
export const { dir } = fc.letrec<{ tree: Tree; leaf: Tree; dir: Tree & { dir: unknown } }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("leaf"), tie("dir")),
  leaf: fc.oneof(
    fc.record({ file: fc.constantFrom(0, 1, 511, 512, 5000), mode: fc.constantFrom(0o644, 0o755, 0o400) }),
    fc.record({ link: fileName }),
  ),
  dir: fc.record({
    dir: fc.dictionary(fileName, tie("tree"), { maxKeys: 6, noNullPrototype: true }),
    mode: fc.constantFrom(0o755, 0o700, 0o1777),
  }),
}));
