/** The lock file of yarn 1: blocks of lines, indented by two spaces, a key line first. */
import { VarveError } from "#errors";
import { readText } from "../file.ts";
import { type LockedPackage, LockedPackages, type LockFacts } from "../installed/lock-facts.ts";

/**
 * Reads a `yarn.lock` of yarn 1.
 * @throws VarveError `INVALID_GRAPH` with the line that isn't as it should be
 */
export async function readClassicLock(file: string): Promise<LockFacts> {
  const packages: LockedPackage[] = [];
  const versions = new Map<string, string>();
  for (const { patterns, fields, dependencies } of blocks(file, await readText(file))) {
    const version = fields.get("version");
    if (version === undefined) continue;
    for (const pattern of patterns) versions.set(pattern, version);
    // An alias is another package's name: `b@npm:a@1`.
    const names = new Set(patterns.map((pattern) => nameOf(/@npm:(.+)$/.exec(pattern)?.[1] ?? pattern)));
    for (const name of names) {
      packages.push({ name, version, integrity: fields.get("integrity"), dependencies });
    }
  }
  return {
    packages: new LockedPackages(packages),
    versionFor: ({ name, range }) => versions.get(`${name}@${range}`),
  };
}

function nameOf(pattern: string): string {
  const at = pattern.indexOf("@", 1);
  return at === -1 ? pattern : pattern.slice(0, at);
}

interface Block {
  readonly patterns: readonly string[];
  readonly fields: Map<string, string>;
  readonly dependencies: string[];
}

function blocks(file: string, text: string): Block[] {
  const found: Block[] = [];
  let isInList = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, indent, rest] = /^( *)(.*?)\s*$/.exec(line)!;
    const block = found.at(-1);
    const words = wordsOf(rest!.replace(/:$/, ""));
    const wrong = words === undefined || (indent !== "" && block === undefined);
    if (wrong) {
      throw new VarveError(
        "INVALID_GRAPH",
        `${file} is not a lock file of yarn: line ${index + 1} can't be read`,
      );
    }
    if (indent === "") {
      found.push({ patterns: words, fields: new Map(), dependencies: [] });
      isInList = false;
    } else if (indent!.length === 2) {
      isInList = /^(?:optionalD|d)ependencies$/.test(words[0]!) && rest!.endsWith(":");
      if (words[1] !== undefined) block!.fields.set(words[0]!, words[1]);
    } else if (isInList) block!.dependencies.push(words[0]!);
  }
  return found;
}

/** The words of a line, which spaces or commas part; one with odd characters is a JSON string. */
function wordsOf(line: string): string[] | undefined {
  const words: string[] = [];
  for (let rest = line; rest !== ""; ) {
    const [word, quoted] = /^("(?:[^"\\]|\\.)*")|^[^\s,"]+/.exec(rest) ?? [];
    if (word === undefined) return undefined;
    try {
      words.push(quoted === undefined ? word : (JSON.parse(quoted) as string));
    } catch {
      return undefined;
    }
    rest = rest.slice(word.length).replace(/^[\s,]+/, "");
  }
  return words.length === 0 ? undefined : words;
}
