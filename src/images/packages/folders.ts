/** What belongs to no package. */

/** The id of what updates change whatever they are about. */
export const UPKEEP = "upkeep";

/** Package databases, caches, logs, accounts, and what package managers make anew each time. */
const UPKEEP_PATHS: readonly RegExp[] = [
  /^var\/(?:cache|log|tmp)\//,
  /^var\/lib\/(?:apt|dpkg|pacman|rpm|systemd|ucf)\//,
  /^(?:usr\/)?lib\/apk\/db\//,
  /^usr\/lib\/sysimage\//,
  /^(?:run|tmp)\//,
  /^etc\/alternatives\//,
  /^etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$/,
  /^etc\/(?:hostname|hosts|ld\.so\.cache|machine-id|mtab|resolv\.conf)$/,
  /^etc\/apk\/world$/,
  /^(?:root|home\/[^/]+)\/\.(?:cache|npm)\//,
  /(?:^|\/)node_modules\/\.(?!pnpm\/|store\/)/,
  /(?:^|\/)node_modules\/\.pnpm\/(?:[^/]+$|node_modules\/)/,
];

/** Whether a file changes with every update. */
export function isUpkeep(path: string): boolean {
  return UPKEEP_PATHS.some((pattern) => pattern.test(path));
}

/** How many folders deep files that belong to no package are told apart. */
export const FOLDER_DEPTH = 3;

/**
 * The id of the folder that a file belongs to if it belongs to no package. It ends with a slash, so that it isn't anything
 * else's id.
 * @param depth how deep folders are told apart
 */
export function folderOf(path: string, depth: number): string {
  const folders = path.split("/").slice(0, -1).slice(0, depth);
  return folders.length === 0 ? "./" : `${folders.join("/")}/`;
}
