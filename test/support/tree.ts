/** Trees of files for tests, written down as data. */

import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

/**
 * A file with its content (a number stands for that many bytes), a directory, a symlink to `link`, another name for the
 * file at `hardLink` (a path as given to {@link writeTree}), or a fifo (whose path must be UTF-8). A name is a string in
 * which, as in Python, U+DC80 to U+DCFF without a partner stand for the bytes 0x80 to 0xff that aren't UTF-8.
 */
export type Tree =
  | { readonly file: string | number; readonly mode?: number }
  | { readonly dir: { readonly [name: string]: Tree }; readonly mode?: number }
  | { readonly link: string }
  | { readonly hardLink: string }
  | { readonly fifo: true; readonly mode?: number };

/** A path's bytes: UTF-8, but for the surrogates that stand for a byte each. */
export function pathBytes(path: string): Buffer {
  const parts = path.split(/([\udc80-\udcff])/u);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 1 ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part),
    ),
  );
}

/** Makes the tree at `path`, which must not exist. The umask has no say in the modes. */
export function writeTree(path: string, tree: Tree): void {
  const at = pathBytes(path);
  if ("link" in tree) {
    symlinkSync(pathBytes(tree.link), at);
    return;
  }
  if ("hardLink" in tree) {
    linkSync(pathBytes(tree.hardLink), at);
    return;
  }
  if ("fifo" in tree) {
    execFileSync("mkfifo", ["--", path]);
  } else if ("file" in tree) {
    writeFileSync(at, typeof tree.file === "number" ? filling(tree.file) : tree.file);
  } else {
    mkdirSync(at);
    for (const [name, child] of Object.entries(tree.dir)) writeTree(`${path}/${name}`, child);
  }
  chmodSync(at, tree.mode ?? ("dir" in tree ? 0o755 : 0o644));
}

/** Bytes in which a shift by one is seen. */
function filling(size: number): Buffer {
  return Buffer.alloc(size, "varve is a thin layer; ");
}
