/** An image as the checks see it. */
import { posix } from "node:path";
import { pathOf, type RootEntry, type TreeNode } from "#flatten";
import type { ContainerConfig } from "#oci";
import type { FileFacts } from "../facts/facts.ts";
import type { ImageRoot, Resolved } from "../root.ts";

/** Something in the root of which something is known. */
export interface InspectedFile {
  /** Absolute. */
  readonly path: string;
  readonly node: TreeNode;
  readonly facts: FileFacts;
}

export interface Inspected {
  readonly root: ImageRoot;
  readonly config: ContainerConfig;
  readonly architecture: string;
  /** By their paths; of a file with several names the first. */
  readonly files: readonly InspectedFile[];
  readonly links: readonly Pick<InspectedFile, "path" | "node">[];
  /** What has a mode that isn't everybody's: files and folders. */
  readonly special: readonly Pick<InspectedFile, "path" | "node">[];
  /** What `PATH` says, or what engines say where it says nothing. */
  readonly programFolders: readonly string[];
  readonly workingDir: string;
  /** Whether there is nothing where programs are looked for: such an image is a part of another, or is given its programs when it runs. */
  readonly isPart: boolean;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Set-user-ID, set-group-ID, or writable for everybody. */
const SPECIAL = 0o6002;

/** Looks at everything in a root once. */
export function inspected(
  root: ImageRoot,
  { config, architecture }: Pick<Inspected, "config" | "architecture">,
): Inspected {
  const files: InspectedFile[] = [];
  const links: Pick<InspectedFile, "path" | "node">[] = [];
  const special: Pick<InspectedFile, "path" | "node">[] = [];
  for (const node of root.tree.nodes()) {
    const { kind, entry } = node.root;
    const facts = root.facts(node.root);
    const isPlain = isEmpty(facts);
    const isSpecial = kind !== "symlink" && (entry.mode & SPECIAL) !== 0;
    if (kind !== "symlink" && isPlain && !isSpecial) continue;
    const path = `/${pathOf(node)}`;
    if (kind === "symlink") links.push({ path, node });
    if (!isPlain) files.push({ path, node, facts });
    if (isSpecial) special.push({ path, node });
  }
  const byPath = (a: { path: string }, b: { path: string }) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
  const programFolders = (variable(config, "PATH") ?? DEFAULT_PATH)
    .split(":")
    .filter((folder) => folder !== "");
  return {
    root,
    config,
    architecture,
    files: withoutOtherNames(files.sort(byPath)),
    links: links.sort(byPath),
    special: special.sort(byPath),
    programFolders,
    isPart: !programFolders.some((folder) => hasEntries(root.resolve(folder))),
    workingDir: posix.resolve("/", config.WorkingDir ?? ""),
  };
}

/** Where the folders of `PATH` really are, as far as they are in the image. */
export function programPlaces({ root, programFolders }: Inspected): Set<string> {
  const found = programFolders.map((folder) => root.resolve(folder));
  return new Set(found.flatMap((each) => (each.kind === "found" ? `/${each.path}` : [])));
}

function hasEntries(found: Resolved): boolean {
  return found.kind === "found" && (found.node.children?.size ?? 0) > 0;
}

function isEmpty(facts: FileFacts): boolean {
  for (const _ in facts) return false;
  return true;
}

function withoutOtherNames(files: readonly InspectedFile[]): InspectedFile[] {
  const seen = new Set<RootEntry>();
  return files.filter(({ node }) => !seen.has(node.root) && seen.add(node.root));
}

/** An environment variable of the config. */
export function variable({ Env }: ContainerConfig, name: string): string | undefined {
  return Env?.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The program that a word means: a path, or a name that is on `PATH`; undefined where there is none. */
export function findProgram(
  word: string,
  { root, programFolders, workingDir }: Inspected,
): Resolved | undefined {
  if (word.includes("/")) return root.resolve(posix.resolve(workingDir, word));
  for (const folder of programFolders) {
    const found = root.resolve(posix.resolve(workingDir, folder, word));
    // Of a folder that is mounted nobody knows.
    if (found.kind === "mounted") return found;
    const isProgram = found.kind === "found" && found.node.root.kind === "file";
    if (isProgram && (found.node.root.entry.mode & 0o111) !== 0) return found;
  }
  return undefined;
}

/** What a container of the image runs, in words. */
export function commandOf({ Entrypoint, Cmd }: ContainerConfig): {
  readonly words: readonly string[];
  readonly field: string;
} {
  const isEntry = (Entrypoint?.length ?? 0) > 0;
  return {
    words: [...(Entrypoint ?? []), ...(Cmd ?? [])],
    field: isEntry ? "config.Entrypoint" : "config.Cmd",
  };
}

/** Node.js in the image, if it is there: what the command runs, or what `PATH` leads to, or the first that is anywhere. */
export function nodeProgram(image: Inspected): InspectedFile | undefined {
  const at = (found: Resolved | undefined): InspectedFile | undefined => {
    if (found?.kind !== "found") return undefined;
    const facts = image.root.facts(found.node.root);
    return facts.node === undefined ? undefined : { path: `/${found.path}`, node: found.node, facts };
  };
  const [word] = commandOf(image.config).words;
  return (
    (word === undefined ? undefined : at(findProgram(word, image))) ??
    at(findProgram("node", image)) ??
    image.files.find(
      ({ facts }) =>
        facts.node !== undefined && facts.elf !== "broken" && facts.elf?.interpreter !== undefined,
    )
  );
}
