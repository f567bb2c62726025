/** Walks a project's own files once, and tells which of them stay out of the image. */
import { closeSync, type Dirent, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { readError } from "#errors";
import { fsPath, readEntries, readLink, sortNames } from "#util";
import { alwaysOut, type LeftOutReason } from "./always.ts";
import { judge, type Matches, type Pattern, parsePatterns, reachesInto, readPatterns } from "./patterns.ts";

/** Something that stays out, with all that is in it. */
export interface LeftOut {
  /** From the project's folder. */
  readonly path: string;
  readonly reason: LeftOutReason;
  /** The pattern that says so, if one does. */
  readonly pattern?: string;
}

/** What of a project's own files a spec says. */
export interface IgnoreFields {
  readonly ignore?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
}

/** A project's own files: all but what is in `node_modules`. */
export interface OwnFiles {
  readonly folder: string;
  /** In the order of their paths, none within another. */
  readonly out: readonly LeftOut[];
  /** The links that are in the image, and what they lead to. */
  readonly links: ReadonlyMap<string, string>;
  /** The `node_modules` folders among them. */
  readonly modules: readonly string[];
  /** Whether there are maps from what runs to what was written. */
  readonly hasMaps: boolean;
}

/** More of a file than it takes to see that it is a key. */
const LOOK_SIZE = 64 * 1024;

/** The patterns of a project's `.dockerignore`. */
function dockerPatterns(folder: string): Pattern[] {
  const file = join(folder, ".dockerignore");
  if (!existsSync(file)) return [];
  const text = attempt(file, () => readFileSync(file, "utf8"));
  return parsePatterns(text, ".dockerignore");
}

/** Those of a spec: its `ignore`, then its `include`. */
function specPatterns({ ignore = [], include = [] }: IgnoreFields): Pattern[] {
  const included = include.map((text) => `!${text}`);
  return [...readPatterns(ignore, "ignore"), ...readPatterns(included, "include")];
}

/**
 * Looks at all of a project's own files.
 * @throws VarveError `INVALID_SPEC` for a wrong pattern, `NOT_FOUND`, `UNREADABLE`
 */
export function ownFiles(folder: string, fields: IgnoreFields): OwnFiles {
  return walked({ folder, prefix: "" }, [...dockerPatterns(folder), ...specPatterns(fields)]);
}

/** A folder that is named for itself, and its path from the spec's folder. */
export interface NamedFolder {
  readonly folder: string;
  /** Empty, or with a slash at the end. */
  readonly prefix: string;
}

/**
 * Looks at a folder that a spec's `files` names: what is said of where builds begin, in `.dockerignore`, doesn't count.
 * @throws VarveError as {@link ownFiles}
 */
export function namedFiles(named: NamedFolder, fields: IgnoreFields): OwnFiles {
  return walked(named, specPatterns(fields));
}

function walked(named: NamedFolder, patterns: readonly Pattern[]): OwnFiles {
  const walk = new Walk(named, patterns);
  walk.visit("", { matches: undefined, always: undefined, why: undefined });
  const { out, links, modules, hasMaps } = walk;
  return { folder: named.folder, out, links, modules, hasMaps };
}

/** What is known of a folder. */
interface Above {
  readonly matches: Matches | undefined;
  /** Why it is in no image, if it is so. */
  readonly always: LeftOutReason | undefined;
  /** Why it stays out, but for what is let in by a pattern; undefined for what doesn't. */
  readonly why: LeftOut | undefined;
}

class Walk {
  readonly #folder: string;
  /** What paths begin with for patterns. */
  readonly #prefix: string;
  readonly #patterns: readonly Pattern[];
  readonly #exceptions: readonly Pattern[];
  out: LeftOut[] = [];
  readonly links = new Map<string, string>();
  readonly modules: string[] = [];
  hasMaps = false;

  constructor({ folder, prefix }: NamedFolder, patterns: readonly Pattern[]) {
    this.#folder = folder;
    this.#prefix = prefix;
    this.#patterns = patterns;
    this.#exceptions = patterns.filter(({ negated }) => negated);
  }

  /** Looks at what is in a folder, and says whether anything of that is in the image. */
  visit(folder: string, above: Above): boolean {
    const entries = new Map(readEntries(this.#absolute(folder)).map((entry) => [entry.name, entry]));
    const besideManifest = entries.has("package.json");
    let isAnyIn = false;
    for (const name of sortNames([...entries.keys()])) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const entry = entries.get(name)!;
      if (name === "node_modules" && !entry.isFile()) {
        // Whether it is a folder or a link to one, it is the package manager's.
        if (above.why === undefined) this.modules.push(path);
        else this.out.push({ ...above.why, path });
        isAnyIn ||= above.why === undefined;
        continue;
      }
      isAnyIn = this.#look(path, entry, { above, besideManifest }) || isAnyIn;
    }
    return isAnyIn;
  }

  #look(path: string, entry: Dirent, around: { above: Above; besideManifest: boolean }): boolean {
    const { by, matches } = judge(this.#patterns, this.#prefix + path, around.above.matches);
    const always = this.#alwaysOut(path, entry, around);
    const isOut = always !== undefined || (by !== undefined && !by.negated);
    const why: LeftOut =
      always !== undefined
        ? { path, reason: always }
        : {
            path,
            reason: by?.origin === ".dockerignore" ? ".dockerignore" : "ignore",
            pattern: by?.text ?? "",
          };
    if (entry.isDirectory()) {
      const mayHold = !isOut || this.#exceptions.some((pattern) => reachesInto(pattern, this.#prefix + path));
      const before = this.out.length;
      if (mayHold && this.visit(path, { matches, always, why: isOut ? why : undefined })) return true;
      if (!isOut) return true;
      this.out.splice(before, this.out.length - before, why);
      return false;
    }
    if (isOut) this.out.push(why);
    else if (entry.isSymbolicLink()) this.links.set(path, readLink(this.#absolute(path)));
    else if (!entry.isFile()) this.out.push({ path, reason: "special files" });
    else if (/\.[cm]?js\.map$/.test(path)) this.hasMaps = true;
    return !isOut;
  }

  /** Why a path is in no image, by itself or since it is in such a folder; not if an exception names it. */
  #alwaysOut(
    path: string,
    entry: Dirent,
    { above, besideManifest }: { above: Above; besideManifest: boolean },
  ): LeftOutReason | undefined {
    const isFile = entry.isFile();
    const read = () => this.#beginning(path);
    const whole = this.#prefix + path;
    const has = (name: string) =>
      entry.isDirectory() && existsSync(fsPath(`${this.#absolute(path)}/${name}`));
    const reason = above.always ?? alwaysOut({ path: whole, isFile, has, besideManifest, read });
    const isNamed =
      reason !== undefined && this.#exceptions.some((each) => each.named && each.matches(whole));
    return isNamed ? undefined : reason;
  }

  #beginning(path: string): string {
    const file = this.#absolute(path);
    return attempt(file, () => {
      const fd = openSync(fsPath(file), "r");
      try {
        const buffer = Buffer.alloc(LOOK_SIZE);
        return buffer.toString("latin1", 0, readSync(fd, buffer));
      } finally {
        closeSync(fd);
      }
    });
  }

  #absolute(path: string): string {
    return path === "" ? this.#folder : `${this.#folder}/${path}`;
  }
}

function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw readError(path, error);
  }
}
