/** Reads a tree of sources and tells where it breaks the rules of docs/architecture.md. */

import { posix } from "node:path";
import { codeOf } from "./code.ts";

/** The rules that hold for a tree of sources. */
export interface Rules {
  /**
   * The rooms, and which others each may import; `"*"` is all of them. A file that lies in no folder is a room of its
   * own name. A room that isn't listed may not be there.
   */
  readonly rooms: { readonly [room: string]: readonly string[] | "*" };
  /** The folders that hold rooms instead of files, and which rooms are in each. */
  readonly wings: { readonly [wing: string]: readonly string[] };
  /** Rooms that every room may import. */
  readonly shared: readonly string[];
  /** Rooms that touch no file system. */
  readonly withoutFiles: readonly string[];
  /** Rooms that may use the process's streams, its environment and the clock. */
  readonly outer: readonly string[];
  /** Files outside of folders that belong to a room all the same. */
  readonly members?: { readonly [file: string]: string };
  /** Files of other rooms that a file may import by their paths instead of their rooms' names; each needs a reason beside it. */
  readonly inner?: { readonly [file: string]: readonly string[] };
  /** What files use of the outside all the same; each needs a reason beside it. */
  readonly exceptions?: { readonly [file: string]: readonly string[] };
}

/** Where rooms are: right in the tree, or in the wing that has them. */
function plan({ wings, members }: Rules): {
  folderOf: (room: string) => string;
  roomOf: (file: string) => string;
} {
  const wingOf = new Map(Object.entries(wings).flatMap(([wing, rooms]) => rooms.map((room) => [room, wing])));
  return {
    folderOf(room) {
      const wing = wingOf.get(room);
      return wing === undefined ? room : `${wing}/${room}`;
    },
    roomOf(file) {
      const member = members?.[file];
      if (member !== undefined) return member;
      const [first, second] = file.split("/");
      if (second === undefined) return file.replace(/\.ts$/, "");
      const isHere = wingOf.get(second) === first;
      // A room in the wrong wing, or a file right in a wing, is a room that the table doesn't have.
      return isHere
        ? second
        : wings[first!] === undefined && !wingOf.has(first!)
          ? first!
          : `${first}/${second}`;
    },
  };
}

/** The file by which a room is entered. */
function doorOf(folder: string, files: ReadonlyMap<string, string>): string {
  return files.has(`${folder}.ts`) ? `${folder}.ts` : `${folder}/index.ts`;
}

interface Import {
  readonly from: string;
  /** A file of the tree, or a module's name. */
  readonly to: string;
  /** Whether nothing is left of it when types are stripped. */
  readonly typeOnly: boolean;
}

/**
 * The breaches in a tree, a sentence each.
 * @param files the sources' text, by their path from the tree's root
 */
export function breaches(files: ReadonlyMap<string, string>, rules: Rules): string[] {
  const { folderOf, roomOf } = plan(rules);
  const found: string[] = [];
  const inside: Import[] = [];

  for (const file of files.keys()) {
    if (rules.rooms[roomOf(file)] === undefined) found.push(`${file}: the table has no room ${roomOf(file)}`);
  }
  for (const [file, text] of files) {
    const room = roomOf(file);
    const { code, strings } = codeOf(text);
    for (const { specifier, typeOnly } of importsOf(code, strings)) {
      const named = specifier.startsWith("#");
      if (!named && !specifier.startsWith(".")) {
        if (rules.withoutFiles.includes(room) && /^(node:)?fs(\/|$)/.test(specifier)) {
          found.push(`${file}: ${room} touches no file system, but it imports ${specifier}`);
        }
        if (!rules.outer.includes(room) && /^(node:)?(process|console|readline)(\/|$)/.test(specifier)) {
          found.push(`${file}: only ${rules.outer.join(", ")} may import ${specifier}`);
        }
        continue;
      }
      const to = named
        ? doorOf(folderOf(specifier.slice(1)), files)
        : posix.normalize(posix.join(posix.dirname(file), specifier));
      if (to.endsWith(".json")) continue;
      if (!files.has(to)) {
        found.push(`${file}: imports ${specifier}, which is not there`);
        continue;
      }
      inside.push({ from: file, to, typeOnly });
      const other = roomOf(to);
      if (other === room) continue;
      const row = rules.rooms[room];
      if (row !== "*" && row?.includes(other) !== true && !rules.shared.includes(other)) {
        found.push(`${file}: ${room} may not import ${other} (${to})`);
      }
      if (!named && rules.inner?.[file]?.includes(to) !== true) {
        found.push(`${file}: ${other} is entered by its name, #${other}, not as ${specifier}`);
      }
    }
    if (!rules.outer.includes(room)) {
      const allowed = rules.exceptions?.[file] ?? [];
      for (const use of usesOfOutside(code).filter((name) => !allowed.includes(name))) {
        found.push(`${file}: only ${rules.outer.join(", ")} may use ${use}`);
      }
    }
  }

  for (const circle of circles(inside.map(({ from, to }) => [roomOf(from), roomOf(to)]))) {
    found.push(`the rooms ${circle.join(", ")} import each other in a circle`);
  }
  // An import of types within a room is gone when the code runs: two files of one subject may share their types.
  const running = inside.filter(({ typeOnly }) => !typeOnly);
  for (const circle of circles(running.map(({ from, to }) => [from, to]))) {
    found.push(`the files ${circle.join(", ")} import each other in a circle`);
  }
  return found;
}

/** Matches what imports in code whose strings are numbered as `"#1"`. */
const IMPORT =
  /\b(?:import|export)\s+(type\s)?(?:[\w*{}$,\s]*?\sfrom\s*|\{[^}]*\}\s*from\s*|)["'`]#(\d+)["'`]|\bimport\s*\(\s*["'`]#(\d+)["'`]/g;

function* importsOf(
  code: string,
  strings: readonly string[],
): Generator<{ specifier: string; typeOnly: boolean }, void, void> {
  for (const match of code.matchAll(IMPORT)) {
    yield { specifier: strings[Number(match[2] ?? match[3])]!, typeOnly: match[1] !== undefined };
  }
}

const OUTSIDE: readonly RegExp[] = [
  /\bprocess\s*(?:\?\.|\.)\s*(?:stdout|stderr|stdin|env|exit|exitCode|argv|argv0|abort|kill)\b/g,
  /\bprocess\s*\[/g,
  /\}\s*=\s*process\b(?!\s*[.?[])/g,
  /\bconsole\b/g,
  /\bDate\s*\.\s*now\b/g,
  /\bnew\s+Date\s*(?:\(\s*\)|(?![\w\s]*\())/g,
  /(?<!\bnew\s+)\bDate\s*\(\s*\)/g,
  /\bperformance\s*\.\s*(?:now|timeOrigin)\b/g,
  /\bMath\s*\.\s*random\b/g,
];

function usesOfOutside(code: string): string[] {
  return OUTSIDE.flatMap((pattern) => [...code.matchAll(pattern)].map(([use]) => use.replace(/\s+/g, " ")));
}

/** The groups of two or more nodes that lead to each other, each group sorted. */
function circles(edges: readonly (readonly [string, string])[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of edges) {
    if (from === to) continue;
    next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const reached = new Map([...next.keys()].map((node) => [node, reachable(node, next)]));
  const seen = new Set<string>();
  const groups: string[][] = [];
  for (const [node, there] of reached) {
    if (seen.has(node) || !there.has(node)) continue;
    const group = [...there].filter((other) => reached.get(other)?.has(node) === true).sort();
    for (const member of group) seen.add(member);
    groups.push(group);
  }
  return groups;
}

function reachable(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const reached = new Set<string>();
  const waiting = [start];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const to of next.get(node) ?? []) {
      if (reached.has(to)) continue;
      reached.add(to);
      waiting.push(to);
    }
  }
  return reached;
}
