/** What a project's image consists of, files or the project itself, and what is run of that. */
import { existsSync } from "node:fs";
import { join, posix, relative, resolve } from "node:path";
import { VarveError } from "#errors";
import type { FileEntry } from "#graph";
import type { SpecFields } from "#spec";
import { projectCommand } from "./command/command.ts";
import type { Place } from "./command/files.ts";
import { type Output, projectOutput } from "./command/outputs.ts";
import type { NodeCommand } from "./command/start.ts";
import { type Known, saysCommand } from "./fields.ts";
import { lookAtFiles, type NamedFiles } from "./ignore/files-out.ts";
import { checkIsIn } from "./ignore/is-in.ts";
import { FOLDER_IN_IMAGE } from "./name.ts";

type Content = Pick<Known, "named" | "output" | "isAlone" | "workingDir" | "command">;

/**
 * A spec's files, or those that a framework has put out, with the command that is run of them; of a project whose image has
 * its graph nothing but the command.
 * @param given the spec's fields, with absolute paths
 * @throws VarveError `INVALID_SPEC`, `NOT_FOUND`, `UNREADABLE`
 */
export function contentOf(given: SpecFields, project: Place): Content {
  const { folder } = project;
  const saysRun = saysCommand(given);
  const isDerived = given.graph === undefined && given.files === undefined && !saysRun;
  const found = given.graph === undefined && !saysRun ? projectOutput(project) : undefined;
  const output = isDerived ? found?.files : undefined;
  const files = (given.files ?? output)?.map(({ from, to }) => ({ from: resolve(folder, from), to }));
  const named = files === undefined ? [] : namedOf(files, { given, project });
  if (files === undefined || given.graph !== undefined) {
    const command = saysRun ? undefined : projectCommand(project);
    return { named, output, isAlone: false, workingDir: undefined, command };
  }
  if (saysRun) return { named, output, isAlone: true, workingDir: undefined, command: undefined };
  const run = runOf(found ?? projectCommand(project), { files, named, given, folder });
  return { named, output, isAlone: true, ...run };
}

function namedOf(
  files: readonly FileEntry[],
  { given, project }: { readonly given: SpecFields; readonly project: Place },
): NamedFiles[] {
  const { folder, manifest, manager = "npm" } = project;
  const missing = files.find(({ from }) => !existsSync(from));
  if (missing === undefined) return lookAtFiles(files, { folder, ...given });
  const hint =
    manifest.scripts?.["build"] === undefined
      ? ""
      : `; if a build makes it, build the project first: \`${manager} run build\``;
  throw new VarveError("NOT_FOUND", `files names ${missing.from}, which isn't there${hint}`);
}

interface About {
  readonly files: readonly FileEntry[];
  readonly named: readonly NamedFiles[];
  readonly given: SpecFields;
  readonly folder: string;
}

/** The command in the image, where its file has another place. */
function runOf(
  found: Output | NodeCommand,
  { files, named, given, folder }: About,
): Pick<Content, "workingDir" | "command"> {
  const isOutput = "command" in found;
  const command = isOutput ? found.command : found;
  const server = join(folder, isOutput ? found.server : command.file);
  const place = placeOf(server, files);
  if (place === undefined) {
    throw new VarveError(
      "INVALID_SPEC",
      `${relative(folder, server)}, which is to be run (from ${command.from}), is in none of the spec's files; add it there, or give "cmd" in the spec`,
    );
  }
  for (const { folder: root, prefix, out } of named) {
    if (!server.startsWith(`${root}/`)) continue;
    const file = prefix + relative(root, server);
    checkIsIn({ ...command, file }, { out: out.map((each) => ({ ...each, path: prefix + each.path })) });
  }
  const derived = isOutput ? place.slice(0, -command.file.length - 1) || "/" : FOLDER_IN_IMAGE;
  const workingDir = given.config?.WorkingDir ?? derived;
  const file = place.startsWith(`${workingDir}/`) ? place.slice(workingDir.length + 1) : place;
  return { workingDir, command: { ...command, file } };
}

/** Where a file is in the image. */
function placeOf(path: string, files: readonly FileEntry[]): string | undefined {
  const holder = files.find(({ from }) => path === from || path.startsWith(`${from}/`));
  return holder && posix.join(holder.to, path.slice(holder.from.length));
}
