export { FOLDER_DEPTH, folderOf, UPKEEP } from "./folders.ts";
export { MAX_DATABASE_FILE, type Packages, readPackages } from "./packages.ts";
export type { InstalledPackage, ReadEntry } from "./types.ts";
