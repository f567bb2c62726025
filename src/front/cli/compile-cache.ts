/**
 * Where Node.js keeps varve's compiled modules, which halves the time of a start. It runs what it finds there without a
 * check, so that it has to be a folder in which nobody else can put anything; its own default is one in `/tmp`.
 */
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { userCache } from "#util";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Has modules compiled only once, beside the digest cache; or each time, where there is no place to be trusted. */
export function keepCompiled(env: Readonly<Record<string, string | undefined>>, home: string): void {
  const folder = join(userCache(env, home), "varve-compiled");
  if (isPrivate(folder)) enableCompileCache(folder);
}

/** Makes the folder where it isn't there, and the cache folder that it is in, but no home. */
function isPrivate(folder: string): boolean {
  const uid = process.geteuid?.();
  if (uid === undefined) return false;
  try {
    const cache = dirname(folder);
    // Nix builds nothing more where a build has made the home that it said.
    const above = realpathSync(existsSync(cache) ? cache : dirname(cache));
    if (!ancestors(above).every((path) => keepsNames(path, uid))) return false;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === uid && (found.mode & WRITABLE_BY_OTHERS) === 0;
  } catch {
    // There is no home, or it is read-only.
    return false;
  }
}

function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...ancestors(above)];
}

/** Whether nobody but the user, and root, can give what is in a folder another name. */
function keepsNames(path: string, uid: number): boolean {
  const { uid: owner, mode } = lstatSync(path);
  if (owner !== uid && owner !== 0) return false;
  return (mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0;
}
