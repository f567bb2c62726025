/** bun's lock file in text, which is JSON with commas at the end of lists. */
import { type ParseError, parse } from "jsonc-parser";
import { VarveError } from "#errors";
import { isObject, type JsonObject, readText } from "../file.ts";
import { type LockedPackage, LockedPackages, type LockFacts } from "../installed/lock-facts.ts";
import { picks, text } from "../yaml.ts";

const HOW = "write bun.lock with `bun install --save-text-lockfile` of bun 1.2 or newer";

/**
 * Reads `bun.lock`.
 * @throws VarveError `INVALID_GRAPH`, also for the binary `bun.lockb`
 */
export async function readBunLock(file: string): Promise<LockFacts> {
  if (file.endsWith(".lockb")) {
    throw new VarveError(
      "INVALID_GRAPH",
      `${file} is bun's binary lock file, which varve doesn't read; ${HOW}`,
    );
  }
  const errors: ParseError[] = [];
  let lock: unknown;
  try {
    lock = parse(await readText(file), errors, { allowTrailingComma: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (errors.length > 0 || !isObject(lock) || !isObject(lock["packages"])) {
    throw new VarveError("INVALID_GRAPH", `${file} is not a lock file of bun; ${HOW}`);
  }
  return { packages: new LockedPackages(packagesOf(lock["packages"])) };
}

/** Each is a list: name and version, mostly the registry, what it needs, and the integrity last. */
function* packagesOf(packages: JsonObject): Generator<LockedPackage, void, void> {
  for (const entry of Object.values(packages)) {
    if (!Array.isArray(entry)) continue;
    const [, name, version] = /^((?:@[^/@]+\/)?[^/@]+)@(.*)$/.exec(text(entry[0]) ?? "") ?? [];
    if (name === undefined || version!.startsWith("workspace:")) continue;
    const info: JsonObject = entry.find(isObject) ?? {};
    const last = text(entry.at(-1));
    const names = ["dependencies", "optionalDependencies"].flatMap((field) => {
      const all = info[field];
      return Object.keys(isObject(all) ? all : {});
    });
    yield {
      name,
      version: /^\d[^:/]*$/.test(version!) ? version : undefined,
      integrity: last !== undefined && /^sha\d+-/.test(last) ? last : undefined,
      dependencies: names,
      os: picks(info["os"]),
      cpu: picks(info["cpu"]),
      libc: picks(info["libc"]),
    };
  }
}
