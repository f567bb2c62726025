/** What the builds of frameworks put out that brings all that it needs. */
import { existsSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { sortNames } from "#util";
import { FOLDER_IN_IMAGE } from "../name.ts";
import { isFile, type Place } from "./files.ts";
import { FRAMEWORKS, type Framework, frameworkOf, NITRO } from "./frameworks.ts";
import { listening, type NodeCommand } from "./start.ts";

/** Files that are an image's whole content, and what is run of them. */
export interface Output {
  /** Paths relative to the project's folder, and where they are in the image. */
  readonly files: readonly { readonly from: string; readonly to: string }[];
  /** The file that is run, relative to the project's folder. */
  readonly server: string;
  /** Its file is relative to where it is run. */
  readonly command: NodeCommand;
}

/**
 * What a project's framework has put out in one piece, if it has, and the project is started by the framework's own
 * command, or by the file in that.
 */
export function projectOutput(place: Place): Output | undefined {
  const framework = frameworkOf(place);
  if (framework === FRAMEWORKS.next) return nextOutput(place);
  return framework?.files.includes(NITRO) ? nitroOutput(place) : undefined;
}

/** The folder that Next.js makes with `output: "standalone"`. */
const STANDALONE = ".next/standalone";

/** The server lies where the app is in its workspace; what browsers load isn't copied there. */
function nextOutput({ folder }: Place): Output | undefined {
  const app = serverFolder(join(folder, STANDALONE), "");
  if (app === undefined) return undefined;
  const beside = [".next/static", "public"].filter((path) => existsSync(join(folder, path)));
  return {
    files: [
      { from: STANDALONE, to: FOLDER_IN_IMAGE },
      ...beside.map((path) => ({ from: path, to: posix.join(FOLDER_IN_IMAGE, app, path) })),
    ],
    server: posix.join(STANDALONE, app, "server.js"),
    command: commandOf(FRAMEWORKS.next, { file: "server.js", output: STANDALONE }),
  };
}

/** The folder with `server.js` and its `.next` beside it, the outermost one. */
function serverFolder(root: string, below: string): string | undefined {
  const at = join(root, below);
  if (isFile(join(at, "server.js")) && existsSync(join(at, ".next"))) return below;
  if (!existsSync(at)) return undefined;
  const folders = readdirSync(at, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."),
  );
  for (const name of sortNames(folders.map(({ name }) => name))) {
    const found = serverFolder(root, posix.join(below, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Nitro's server, which Nuxt has and others, too. */
function nitroOutput({ folder }: Place): Output | undefined {
  if (!isFile(join(folder, NITRO))) return undefined;
  return {
    files: [{ from: ".output", to: `${FOLDER_IN_IMAGE}/.output` }],
    server: NITRO,
    command: commandOf(FRAMEWORKS.nitro, { file: NITRO, output: ".output" }),
  };
}

function commandOf(
  framework: Framework,
  { file, output }: { readonly file: string; readonly output: string },
): NodeCommand {
  const notes = [`the image has ${output} and what belongs to it, and nothing else of the project`];
  return { flags: [], file, args: [], from: output, ...listening(framework), notes };
}
