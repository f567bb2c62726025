/**
 * The public API's declarations, from what `tsc` writes for every file. One file has them all, so that a type is the same
 * whichever entry it is imported from; of each entry there is a list of names beside it.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig, type IConfigFile } from "@microsoft/api-extractor";
import { ApiPackage } from "@microsoft/api-extractor-model";
import { ENTRIES } from "./bundle.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What comes of reading the public API. */
export interface PublicApi {
  /** All that the entries export, with its comments. */
  readonly model: ApiPackage;
  /** What is said of each entry, and the names that it exports. */
  readonly entries: ReadonlyMap<string, { readonly about: string; readonly names: readonly string[] }>;
  /** What is wrong with it, a sentence each: what a signature names and no entry exports, and faulty comments. */
  readonly faults: readonly string[];
  /** The declarations, by the names of their files. */
  readonly declarations: ReadonlyMap<string, string>;
}

/** Compiles the declarations of all sources, and makes those of the entries of them. */
export function readPublicApi(): PublicApi {
  // What lies below a folder of that name is another package's for API Extractor.
  const work = mkdtempSync(`${tmpdir()}/varve-api-`);
  try {
    symlinkSync(`${root}/node_modules`, `${work}/node_modules`);
    writeFileSync(`${work}/package.json`, readFileSync(`${root}/package.json`));
    return readIn(work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function readIn(work: string): PublicApi {
  const compiler = [
    "node_modules/typescript/bin/tsc",
    "-p",
    "tsconfig.build.json",
    "--outDir",
    `${work}/types`,
  ];
  const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error("the sources have faults");

  const all = Object.values(ENTRIES).map((source) => `export * from "./${source}.ts";\n`);
  writeFileSync(`${work}/types/api.d.ts`, all.join(""));
  const faults: string[] = [];
  const config = ExtractorConfig.prepare({
    configObject: configuration(work),
    configObjectFullPath: undefined,
    packageJsonFullPath: `${work}/package.json`,
  });
  Extractor.invoke(config, {
    messageCallback(message) {
      message.handled = true;
      const { logLevel, sourceFilePath, sourceFileLine, text } = message;
      const place = `${sourceFilePath?.replace(`${work}/types/`, "")}:${sourceFileLine}`;
      if (logLevel === "warning" || logLevel === "error") faults.push(`${place}: ${text}`);
    },
  });
  const declarations = new Map([["api.d.ts", readFileSync(`${work}/api.d.ts`, "utf8")]]);
  const entries: Map<string, { about: string; names: string[] }> = new Map();
  for (const [name, source] of Object.entries(ENTRIES)) {
    const text = readFileSync(`${work}/types/${source}.d.ts`, "utf8");
    const lists = [...text.matchAll(/\{([^}]*)\} from/g)].flatMap(([, list]) => list!.split(","));
    const names = lists.map((each) => each.trim().replace(/^type /, "")).filter((each) => each !== "");
    entries.set(name, { about: /\/\*\* (.*) \*\//.exec(text)![1]!, names });
    declarations.set(`${name}.d.ts`, text.replaceAll(/ from "#\w+"/g, ' from "./api.js"'));
  }
  return { model: ApiPackage.loadFromJsonFile(`${work}/api.json`), entries, faults, declarations };
}

function configuration(work: string): IConfigFile {
  const { imports } = JSON.parse(readFileSync(`${work}/package.json`, "utf8")) as {
    imports: Record<string, string>;
  };
  const paths = Object.entries(imports).map(([name, file]) => [
    name,
    [file.replace("./src", `${work}/types`)],
  ]);
  const { compilerOptions } = JSON.parse(readFileSync(`${root}/tsconfig.json`, "utf8"));
  return {
    projectFolder: work,
    mainEntryPointFilePath: `${work}/types/api.d.ts`,
    newlineKind: "lf",
    compiler: {
      overrideTsconfig: {
        compilerOptions: { ...compilerOptions, paths: Object.fromEntries(paths) },
        include: [`${work}/types/**/*.d.ts`],
      },
    },
    apiReport: { enabled: false },
    docModel: { enabled: true, apiJsonFilePath: `${work}/api.json` },
    dtsRollup: { enabled: true, untrimmedFilePath: `${work}/api.d.ts` },
    tsdocMetadata: { enabled: false },
    messages: {
      extractorMessageReporting: {
        default: { logLevel: "warning" as never },
        "ae-missing-release-tag": { logLevel: "none" as never },
      },
      tsdocMessageReporting: { default: { logLevel: "warning" as never } },
      compilerMessageReporting: { default: { logLevel: "error" as never } },
    },
  };
}
