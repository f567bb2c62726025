/** What is looked for in the bytes of two programs: Node.js itself, and glibc's loader. */
import type { FileFacts } from "./facts.ts";

/** Names under which Node.js is installed; a distribution's program may have all of it in a library. */
const NODE = /(?:^|\/)(?:node|nodejs|libnode\.so\.[0-9.]+)$/;

const LOADER = /(?:^|\/)ld-(?:linux[^/]*|2\.\d+|[0-9.]+)?\.so(?:\.\d+)?$|(?:^|\/)ld(?:64)?\.so\.\d$/;

export function isNode(name: string): boolean {
  return NODE.test(name);
}

export function isLoader(name: string): boolean {
  return LOADER.test(name);
}

/** Text in Node.js in front of what is looked for, and what that looks like. */
const ABI = { before: "node_register_module_v", shape: /^\d{2,4}/ };
const VERSION = { before: "/download/release/v", shape: /^\d+\.\d+\.\d+/ };

/** Finds what Node.js says of itself as its bytes pass by. */
export class NodeSearch {
  #end = "";
  #abi: string | undefined;
  #version: string | undefined;

  piece(bytes: Buffer): void {
    if (this.#abi !== undefined && this.#version !== undefined) return;
    // What lies across the border of two pieces is looked for by itself.
    const border = Buffer.from(this.#end + bytes.toString("latin1", 0, 64), "latin1");
    for (const part of [border, bytes]) {
      this.#abi ??= find(part, ABI);
      this.#version ??= find(part, VERSION);
    }
    this.#end = bytes.toString("latin1", Math.max(0, bytes.length - 64));
  }

  finish(): FileFacts["node"] {
    return {
      ...(this.#version !== undefined && { version: this.#version }),
      ...(this.#abi !== undefined && { abi: Number(this.#abi) }),
    };
  }
}

function find(bytes: Buffer, { before, shape }: typeof ABI): string | undefined {
  for (let at = bytes.indexOf(before); at !== -1; at = bytes.indexOf(before, at + 1)) {
    const start = at + before.length;
    const [found] = shape.exec(bytes.toString("latin1", start, start + 20)) ?? [];
    // At the end of a piece some of it may be missing.
    if (found !== undefined && start + found.length < bytes.length) return found;
  }
  return undefined;
}

/** The folders that are compiled into glibc's loader: names that end with a slash and a NUL, one after the other. */
export function foldersIn(loader: Buffer): string[] {
  const text = loader.toString("latin1");
  const [all = ""] = /(?:\/[\w.+/-]*lib[\w.+/-]*\/\0)+/.exec(text) ?? [];
  return all
    .split("\0")
    .filter((folder) => folder !== "")
    .map((folder) => folder.slice(0, -1));
}
