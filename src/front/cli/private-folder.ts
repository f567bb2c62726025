/** Folders whose files may be believed, since nobody else can put any there. */
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Makes the folder if it is missing, and the cache folder that it is in, but not the home. @returns whether it is this user's alone */
export function isPrivate(folder: string): boolean {
  const uid = process.geteuid?.();
  if (uid === undefined) return false;
  try {
    const cache = dirname(folder);
    // If a build creates the home folder that Nix has set, Nix refuses further builds.
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

/** Whether only the user and root can rename or replace what is in a folder. */
function keepsNames(path: string, uid: number): boolean {
  const { uid: owner, mode } = lstatSync(path);
  if (owner !== uid && owner !== 0) return false;
  return (mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0;
}
