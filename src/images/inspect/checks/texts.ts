/** What is in texts: secrets, and paths of the machine where the image was made. */
import { type Fault, isTried } from "../findings.ts";
import type { Inspected, InspectedFile } from "./inspected.ts";
import { hasStorePath } from "./links.ts";

export function* secretFaults({ files }: Inspected): Generator<Fault, void, void> {
  for (const { path, facts } of files) {
    // What a package brings was published with it, and what is tested with opens nothing.
    const severity =
      path.includes("/node_modules/") || path.startsWith("/nix/store/") || isTried(path)
        ? "warning"
        : "error";
    for (const [what, line] of facts.secrets ?? []) {
      const code = what === "a private key" ? "private-key" : "secret-token";
      yield {
        code,
        severity,
        path,
        line,
        message: `line ${line} has ${what}; keep it out of the image, and mount it`,
      };
    }
  }
}

/** @param home the home folder of who builds, on the machine where the image is built */
export function* foreignPathFaults(image: Inspected, home: string | undefined): Generator<Fault, void, void> {
  for (const { path, facts } of image.files) {
    for (const [store, line] of facts.stores ?? []) {
      if (hasStorePath(image.root, store)) continue;
      const message = `line ${line} names ${store}, which isn't in the image`;
      yield { code: "missing-store-path", severity: "warning", path, line, message };
    }
    const [, line] = facts.homes?.find(([found]) => found === home) ?? [];
    if (line === undefined) continue;
    const message = `line ${line} names ${home}, a folder of the machine where the image is built`;
    yield { code: "builder-home", severity: "warning", path, line, message };
  }
}

/** Interpreters of scripts that are on `PATH`, in a package's `bin`, or the command. */
export function* scriptFaults(
  image: Inspected,
  { command, programs }: { command: string | undefined; programs: ReadonlySet<string> },
): Generator<Fault, void, void> {
  for (const file of image.files) {
    const { path, facts } = file;
    const isCommand = path === command;
    if (facts.shebang === undefined || !(isCommand || programs.has(path)) || (isTried(path) && !isCommand))
      continue;
    const missing = missingInterpreter(file, image);
    if (missing === undefined) continue;
    yield { code: "missing-interpreter", severity: isCommand ? "error" : "warning", path, message: missing };
  }
}

function missingInterpreter(
  { facts }: InspectedFile,
  { root, programFolders }: Inspected,
): string | undefined {
  const [interpreter = "", ...words] = facts.shebang!.split(/\s+/);
  if (!interpreter.startsWith("/")) return undefined;
  if (root.resolve(interpreter).kind === "missing")
    return `it is a script for ${interpreter}, which isn't in the image`;
  if (!/\/env$/.test(interpreter)) return undefined;
  const program = words.find((word) => !word.startsWith("-") && !word.includes("="));
  if (program === undefined || program.includes("/")) return undefined;
  const isThere = programFolders.some((folder) => root.resolve(`${folder}/${program}`).kind !== "missing");
  return isThere ? undefined : `it is a script for ${program}, which is in none of the folders of PATH`;
}
