/** All that may be wrong with an image. */
import type { ContainerConfig } from "#oci";
import type { LayerFacts } from "../facts/facts.ts";
import { componentOf, type Fault, type Finding, identityOf } from "../findings.ts";
import { ImageRoot } from "../root.ts";
import { commandFaults } from "./command.ts";
import { elfFaults } from "./elf.ts";
import { commandOf, findProgram, type Inspected, inspected } from "./inspected.ts";
import { linkFaults, modeFaults } from "./links.ts";
import { foreignPathFaults, scriptFaults, secretFaults } from "./texts.ts";

/** Raise it whenever something else is found: what was found before is then forgotten. */
export const CHECK_FORMAT = 2;

/** An image to be checked. */
export interface CheckedImage {
  /** What is known of its layers, from the bottom up. */
  readonly layers: AsyncIterable<LayerFacts>;
  readonly config: ContainerConfig;
  /** As Go names it. */
  readonly architecture: string;
  /** How many of the layers are the base's, and the base's config. */
  readonly base?: { readonly layers: number; readonly config: ContainerConfig } | undefined;
  /** Absolute paths in the image at which something is mounted when it runs. */
  readonly mounted?: readonly string[] | undefined;
  /** The home folder of who builds. */
  readonly home?: string | undefined;
}

/**
 * Looks for all that may be wrong with an image: errors first, each in the order of paths.
 * @throws VarveError `INVALID_IMAGE`, `TOO_LARGE` for layers that make no root; and what asking for the layers throws
 */
export async function checkImage(image: CheckedImage): Promise<Finding[]> {
  const { config, base, architecture, mounted = [], home } = image;
  const root = new ImageRoot([...mounted, ...Object.keys(config.Volumes ?? {})]);
  let ofBase = new Set<string>();
  let index = 0;
  const look = (config: ContainerConfig) => faultsOf(inspected(root, { config, architecture }), home);
  for await (const layer of image.layers) {
    root.add(layer, `layer ${index + 1}`);
    if (++index === base?.layers) ofBase = new Set(look(base.config).map(identityOf));
  }
  const findings = look(config).map((fault): Finding => {
    const component = componentOf(fault.path);
    return { ...fault, ...(component !== undefined && { component }), isBase: ofBase.has(identityOf(fault)) };
  });
  return findings.sort(inOrder);
}

function faultsOf(image: Inspected, home: string | undefined): Fault[] {
  return [
    ...commandFaults(image),
    ...elfFaults(image),
    ...scriptFaults(image, { command: commandPath(image), programs: programsOf(image) }),
    ...linkFaults(image),
    ...modeFaults(image),
    ...secretFaults(image),
    ...foreignPathFaults(image, home),
  ];
}

function commandPath(image: Inspected): string | undefined {
  const [word] = commandOf(image.config).words;
  const found = word === undefined ? undefined : findProgram(word, image);
  return found?.kind === "found" ? `/${found.path}` : undefined;
}

/** Scripts that people start by their names: on `PATH`, and those that packages say. */
function programsOf({ root, files, links, programFolders }: Inspected): Set<string> {
  const folders = new Set<string>();
  for (const folder of programFolders) {
    const found = root.resolve(folder);
    if (found.kind === "found") folders.add(`/${found.path}`);
  }
  const isIn = (path: string) =>
    folders.has(path.slice(0, path.lastIndexOf("/"))) || path.includes("/node_modules/.bin/");
  const programs = new Set(files.filter(({ path }) => isIn(path)).map(({ path }) => path));
  for (const { path, node } of links) {
    const found = isIn(path) ? root.resolve(node.root.entry.linkname ?? "", node.parent) : undefined;
    if (found?.kind === "found") programs.add(`/${found.path}`);
  }
  return programs;
}

function inOrder(a: Finding, b: Finding): number {
  const keys = ({ severity, path, code, line = 0, message }: Finding) =>
    [severity, path, code, line, message] as const;
  const [left, right] = [keys(a), keys(b)];
  for (const [at, key] of left.entries()) if (key !== right[at]) return key < right[at]! ? -1 : 1;
  return 0;
}
