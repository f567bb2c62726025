/** The code blocks of the documentation. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface DocBlock {
  /** From the repository's root. */
  readonly file: string;
  /** The line on which it begins. */
  readonly line: number;
  /** What stands behind the fence; empty if nothing does. */
  readonly language: string;
  readonly text: string;
  /** Why it isn't run, if a comment before it says so: `<!-- not run: WHY -->`. */
  readonly notRun?: string;
  /** Of a block that is a file's content: the name that the text before it says, or that stands behind the language. */
  readonly path?: string;
  /** Whether the name stands behind the language, so that it is a file's content whatever the language. */
  readonly isFile: boolean;
  /** The paragraph before it. */
  readonly before: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every page that a reader may copy from, but the changelog. */
export function documentedPages(): string[] {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    ...globSync(["docs/**/*.md", "{bench,examples}/**/*.md"], { cwd: root }),
  ];
  return pages.filter((page) => !page.includes("node_modules")).sort();
}

/** The blocks of one page, in their order. */
export function blocksOf(file: string): DocBlock[] {
  const lines = readFileSync(`${root}/${file}`, "utf8").split("\n");
  const blocks: DocBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, fence, language = "", title = ""] = /^ *(```+|~~~+) *([\w-]*) *(\S*)/.exec(lines[at]!) ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end === -1) throw new Error(`${file}:${at + 1}: the block isn't closed`);
    const before = paragraphBefore(lines, at);
    const [, notRun] = /^<!-- not run: (.+?) -->$/s.exec(before) ?? [];
    const path = title || [...before.matchAll(/`([\w.-]+\.\w+)`/g)].at(-1)?.[1];
    blocks.push({
      file,
      line: at + 1,
      language,
      text: `${lines.slice(at + 1, end).join("\n")}\n`,
      ...(notRun === undefined ? {} : { notRun }),
      ...(path === undefined ? {} : { path }),
      isFile: title !== "",
      before,
    });
    at = end;
  }
  return blocks;
}

/** What a block's messages end with if its command is to fail, which it says behind it: `# Error: …`. */
export function failureOf(text: string): RegExp | undefined {
  const [, failure] = /# (Error: .+)$/m.exec(text) ?? [];
  // What is left out (…) is another folder's name, or a list.
  const parts = failure?.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return parts && new RegExp(`${parts.join(".*")}\n$`);
}

function paragraphBefore(lines: readonly string[], at: number): string {
  let end = at;
  while (end > 0 && lines[end - 1]!.trim() === "") end--;
  let start = end;
  while (start > 0 && lines[start - 1]!.trim() !== "") start--;
  return lines.slice(start, end).join("\n");
}
