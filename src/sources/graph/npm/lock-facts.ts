import { posix } from "node:path";
import { type LockedPackage, LockedPackages, type LockFacts, type Wish } from "../installed/lock-facts.ts";
import { installedName, type LockEntry, type NpmLock } from "./lock.ts";

/** What npm's lock file says, as other package managers' do. */
export function npmFacts({ entries }: NpmLock): LockFacts {
  const packages: LockedPackage[] = [];
  for (const [key, entry] of entries) {
    const name = entry.name ?? installedName(key);
    if (name === undefined || entry.link === true) continue;
    const { version, integrity, os, cpu, libc } = entry;
    packages.push({ name, version, integrity, os, cpu, libc });
  }
  const find = ({ from, name }: Pick<Wish, "from" | "name">): LockEntry | undefined => {
    for (let folder = from; ; folder = posix.dirname(folder)) {
      const entry = entries.get(posix.join(folder, "node_modules", name));
      if (entry !== undefined || folder === ".") return entry;
    }
  };
  return {
    packages: new LockedPackages(packages),
    versionFor: (wish) => find(wish)?.version,
    isLinked: (wish) => find(wish)?.link === true,
  };
}

/** As {@link npmFacts}, of packages in a store: what these need isn't where the lock file has it. */
export function storeFacts(lock: NpmLock): LockFacts {
  const { packages } = npmFacts(lock);
  return { packages };
}
