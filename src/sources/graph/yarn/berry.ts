/** The lock file of yarn 2 and newer, which is YAML. */
import { VarveError } from "#errors";
import { isObject, readText } from "../file.ts";
import { type LockedPackage, LockedPackages, type LockFacts } from "../installed/lock-facts.ts";
import { parseYaml, text } from "../yaml.ts";

/**
 * Reads a `yarn.lock` of yarn 2 or newer.
 * @throws VarveError `INVALID_GRAPH`
 */
export async function readBerryLock(file: string): Promise<LockFacts> {
  const lock = await parseYaml(file, await readText(file));
  if (!isObject(lock)) throw new VarveError("INVALID_GRAPH", `${file} is not a lock file of yarn`);
  const packages: LockedPackage[] = [];
  const versions = new Map<string, string>();
  for (const [key, entry] of Object.entries(lock)) {
    if (key === "__metadata" || !isObject(entry)) continue;
    const version = text(entry["version"]);
    const name = /^((?:@[^/@]+\/)?[^/@]+)@/.exec(text(entry["resolution"]) ?? "")?.[1];
    if (name === undefined || version === "0.0.0-use.local") continue;
    const { dependencies } = entry;
    packages.push({
      name,
      version,
      integrity: text(entry["checksum"]),
      dependencies: Object.keys(isObject(dependencies) ? dependencies : {}),
      ...conditions(text(entry["conditions"]) ?? ""),
    });
    for (const descriptor of key.split(", ")) if (version !== undefined) versions.set(descriptor, version);
  }
  return {
    packages: new LockedPackages(packages),
    // yarn writes the registry's protocol, which `package.json` leaves out.
    versionFor: ({ name, range }) => versions.get(`${name}@npm:${range}`) ?? versions.get(`${name}@${range}`),
  };
}

/** `os=linux & (cpu=x64 | cpu=arm64)`: what of it fits `package.json`'s lists. */
function conditions(line: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const of = (field: string) => {
    const found = [...line.matchAll(new RegExp(`\\b${field}=(!?[\\w-]+)`, "g"))].map(([, value]) => value!);
    return found.length === 0 ? undefined : found;
  };
  return { os: of("os"), cpu: of("cpu"), libc: of("libc") };
}
