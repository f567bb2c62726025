/** Which file of a project Node.js runs in a container. */
import { join } from "node:path";
import { VarveError } from "#errors";
import { isFile, type Place, runnable } from "./files.ts";
import { frameworkOf } from "./frameworks.ts";
import { lastCommand } from "./scripts.ts";
import { type Found, frameworkStart, type NodeCommand, startCommand } from "./start.ts";

const USUAL_FILES = [
  ...["index.js", "index.mjs", "index.cjs", "server.js", "server.mjs", "app.js", "main.js"],
  ...["dist/index.js", "dist/main.js", "dist/server.js", "build/index.js", "build/server.js"],
  ...[
    "index.ts",
    "server.ts",
    "app.ts",
    "main.ts",
    "src/index.ts",
    "src/server.ts",
    "src/main.ts",
    "src/app.ts",
  ],
];

/** Says that nothing in a project tells what is to be run. */
export class NothingToRun extends VarveError {}

/**
 * The command of a project: `scripts.start` if that is one for Node.js, the program of a command-line tool, `main`, or a file
 * with one of the usual names.
 * @throws VarveError `INVALID_SPEC`, which tells what was looked at
 */
export function projectCommand(place: Place): NodeCommand {
  const { folder, manifest } = place;
  const framework = manifest.scripts?.["start"] === undefined ? frameworkOf(place) : undefined;
  const served = framework && frameworkStart(framework, { words: [], place });
  if (served !== undefined && !("problem" in served)) return { from: framework!.package, env: {}, ...served };
  const looked: string[] = [];
  const notes: string[] = [];
  for (const [what, find] of WAYS) {
    // What a framework is built from has usual names, too, and isn't what runs.
    if (find === usualFile && served !== undefined && "problem" in served) {
      throw notBuilt(place, { what: framework!.package, problem: served.problem });
    }
    const found = find(place);
    if (found === undefined) {
      looked.push(`no ${what}`);
      continue;
    }
    if (!("problem" in found)) return { ...found, notes: [...notes, ...(found.notes ?? [])] };
    if (
      found.missing !== undefined &&
      (what === "scripts.start" || manifest.scripts?.["build"] !== undefined)
    ) {
      throw notBuilt(place, { what, ...found });
    }
    // Some are sentences of their own.
    const isWhole = !/^(?:is|has|runs|serves|needs|starts) /.test(found.problem);
    looked.push(find === usualFile ? found.problem : `${what}${isWhole ? ":" : ""} ${found.problem}`);
    // It may not be what the project's author thinks of.
    notes.push(`${what} isn't used: ${found.problem.replace(/^(?=(?:is|has|runs|serves|needs) )/, "it ")}`);
  }
  throw new NothingToRun(
    "INVALID_SPEC",
    `${folder} doesn't say what is to be run: ${looked.join("; ")}; give "cmd" in ${join(folder, "varve.json")}, such as "node dist/index.js"`,
  );
}

function notBuilt(
  { folder, manifest, manager = "npm" }: Place,
  { what, problem, advice }: { what: string; problem: string; advice?: string },
): VarveError {
  const usual =
    manifest.scripts?.["build"] === undefined
      ? 'make it, or give another "cmd" in varve.json'
      : `build the project first: \`${manager} run build\``;
  return new VarveError("INVALID_SPEC", `${what} of ${folder} ${problem}; ${advice ?? usual}`);
}

type Way = (place: Place) => Found | undefined;

const WAYS: readonly (readonly [string, Way])[] = [
  [
    "scripts.start",
    (place) => {
      const script = place.manifest.scripts?.["start"];
      return script === undefined ? undefined : startCommand(script, place);
    },
  ],
  ["bin", toolCommand],
  [
    "main",
    (place) => {
      const { main } = place.manifest;
      return main === undefined ? undefined : fileCommand(place, { path: main, from: "main" });
    },
  ],
  [`file ${USUAL_FILES.join(", ")}`, usualFile],
];

/** Programs that make of a project's sources what browsers load. */
const BUNDLERS: ReadonlySet<string> = new Set([
  ...["vite", "ng", "parcel", "rsbuild", "rspack", "webpack", "react-scripts", "vue-cli-service"],
]);

/** The program that makes something else of a project's sources, so that these aren't what Node.js runs. */
function bundlerOf({ manifest }: Place): string | undefined {
  return ["build", "dev", "start"]
    .map((name) => lastCommand(manifest.scripts?.[name] ?? "", manifest)?.words[0])
    .find((program) => program !== undefined && BUNDLERS.has(program));
}

function usualFile(place: Place): Found | undefined {
  const file = USUAL_FILES.find((file) => isFile(join(place.folder, file)));
  const bundler = file?.endsWith(".ts") ? bundlerOf(place) : undefined;
  if (bundler !== undefined) {
    return {
      problem: `${file} is for ${bundler}, which makes something else of it; if that is for browsers, it takes a web server's image as "fromImage", and its folder in "files"`,
    };
  }
  return file === undefined ? undefined : fileCommand(place, { path: file, from: "its name" });
}

/** A tool's program: the only one, or the one that has the package's name. A project that is started is no tool. */
function toolCommand(place: Place): Found | undefined {
  const { name, bin, scripts } = place.manifest;
  if (bin === undefined || scripts?.["start"] !== undefined) return undefined;
  const own = name?.slice(name.lastIndexOf("/") + 1) ?? "";
  const programs = typeof bin === "string" ? { [own]: bin } : bin;
  const only = Object.keys(programs).length === 1 ? Object.values(programs)[0] : undefined;
  const path = only ?? (Object.hasOwn(programs, own) ? programs[own] : undefined);
  if (path === undefined) return { problem: "has several programs, none of the package's name" };
  const found = fileCommand(place, { path, from: "bin" });
  return "problem" in found ? found : { ...found, isTool: true };
}

function fileCommand(place: Place, { path, from }: { path: string; from: string }): Found {
  const file = runnable(place, path);
  if (file === undefined) return { problem: `is ${path}, which isn't there`, missing: path };
  return { flags: [], file, args: [], env: {}, from };
}
