import { posix } from "node:path";
import { type LockedPackage, LockedPackages, type LockFacts } from "../installed/lock-facts.ts";
import { installedName, type NpmLock } from "./lock.ts";

/** What npm's lock file says, as other package managers' do. */
export function npmFacts({ entries }: NpmLock): LockFacts {
  const packages: LockedPackage[] = [];
  for (const [key, entry] of entries) {
    const name = entry.name ?? installedName(key);
    if (name === undefined || entry.link === true) continue;
    const { version, integrity, os, cpu, libc } = entry;
    packages.push({ name, version, integrity, os, cpu, libc });
  }
  return {
    packages: new LockedPackages(packages),
    versionFor: ({ from, name }) => {
      for (let folder = from; ; folder = posix.dirname(folder)) {
        const entry = entries.get(posix.join(folder, "node_modules", name));
        if (entry !== undefined) return entry.version;
        if (folder === ".") return undefined;
      }
    },
  };
}
