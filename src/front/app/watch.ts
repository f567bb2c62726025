/** Notices changes of files by looking at them again and again: that works on every file system, and for any number of folders. */
import { lstatSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import { partsOf, type ReferencesGraph } from "#graph";
import type { ImageSpec } from "#spec";

/** How long to wait between two looks, in milliseconds. */
const PAUSE = 300;

/** After so many files other work gets its turn. */
const BREATH = 1000;

/** Folders whose files change by a tool's hand alone, and what there tells that it did. */
const BY_TOOLS: Readonly<Record<string, readonly string[]>> = {
  node_modules: [".package-lock.json", ".modules.yaml", ".yarn-state.yml", ".yarn-integrity"],
  ".git": ["HEAD", "index"],
};

/** Where the paths of a spec's fields never change. */
const STORE = "/nix/store/";

export interface WatchOptions {
  /** Gets the path of a file that has changed, once nothing has changed for a moment. */
  readonly onChange: (path: string) => Promise<void>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Waits between two looks. */
  readonly pause?: ((signal: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Watches files, and folders with all that is in them; packages that are installed are told by what their package manager writes when it
 * is done. Never fails: what can't be read is looked at again.
 * @param roots says what is watched, at each look
 */
export async function watchFiles(
  roots: () => readonly string[],
  { onChange, signal, pause = (signal) => setTimeout(PAUSE, undefined, { signal }) }: WatchOptions,
): Promise<void> {
  let looked = roots();
  let before = await lookAt(looked, signal);
  let told = before;
  while (!signal.aborted) {
    await pause(signal).catch(() => {});
    if (signal.aborted) return;
    const added = roots().filter((root) => !looked.includes(root));
    looked = roots();
    const now = await lookAt(looked, signal);
    // What is looked at for the first time hasn't changed.
    if (added.length > 0) {
      const fresh = await lookAt(added, signal);
      before = new Map([...fresh, ...before]);
      told = new Map([...fresh, ...told]);
    }
    // Whoever writes one file often writes others next.
    const isQuiet = difference(before, now) === undefined;
    before = now;
    const changed = isQuiet ? difference(told, now) : undefined;
    if (changed === undefined) continue;
    told = now;
    await onChange(changed);
  }
}

type Look = ReadonlyMap<string, string>;

async function lookAt(roots: readonly string[], signal: AbortSignal): Promise<Look> {
  const seen = new Map<string, string>();
  for (const root of roots) await addTree(root, seen, signal);
  return seen;
}

async function addTree(path: string, seen: Map<string, string>, signal: AbortSignal): Promise<void> {
  if (signal.aborted || seen.has(path) || !addFile(path, seen)) return;
  if (seen.size % BREATH === 0) await setImmediate();
  for (const name of namesIn(path)) {
    const tell = BY_TOOLS[name];
    const below = join(path, name);
    if (tell === undefined) await addTree(below, seen, signal);
    else for (const file of tell) addFile(join(below, file), seen);
  }
}

/** @returns whether it is a folder */
function addFile(path: string, seen: Map<string, string>): boolean {
  try {
    const { mtimeMs, ctimeMs, size, ino, mode } = lstatSync(path);
    const isFolder = (mode & 0o170000) === 0o040000;
    // A folder's own time and size change with its files, which are looked at themselves.
    seen.set(path, isFolder ? `${mode}` : [mtimeMs, ctimeMs, size, ino, mode].join());
    return isFolder;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A path that is otherwise in one look than in the other, if there is one. */
function difference(before: Look, now: Look): string | undefined {
  for (const [path, state] of now) if (before.get(path) !== state) return path;
  for (const path of before.keys()) if (!now.has(path)) return path;
  return undefined;
}

/**
 * The files and folders that an image is made of, as far as they may change.
 * @param given the path of its spec, or of a project's folder
 * @param graph what was found when it was made last, such as other packages of a project's workspace
 */
export function watchedPaths(given: string, spec: ImageSpec, graph?: ReferencesGraph): string[] {
  const { files = [], contents, copyToRoot, caCertificates, weights, layeringPipeline } = spec;
  const named = [spec.graph, ...files.map(({ from }) => from), ...contents, ...copyToRoot];
  const perhaps = [caCertificates, weights, layeringPipeline].filter((value) => typeof value === "string");
  const found =
    graph?.kind === "npm" ? [...graph.components.values()].flatMap(partsOf).map(({ path }) => path) : [];
  const own = found.filter((path) => !path.split("/").includes("node_modules"));
  const paths = [resolve(given), ...named, ...perhaps, ...own].filter((path) => path !== undefined);
  return [...new Set(paths)].filter((path) => !path.startsWith(STORE));
}
