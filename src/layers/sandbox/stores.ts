/** Finds the sandbox's own programs, and the Nix stores of those that need other store paths. */
import { realpath } from "node:fs/promises";
import { absent } from "./programs.ts";

/** This machine's programs as the sandbox uses them. */
export interface Programs {
  /** `PATH` for the sandbox's own programs. */
  readonly path: string;
  /** Those that can't be found. */
  readonly missing: readonly string[];
  /** Store dirs that must be visible in the sandbox. */
  readonly stores: readonly string[];
}

const USUAL = "/nix/store";

/** A store path or a path in one, in a store dir whose name needs no quoting in a shell. */
const IN_STORE = /^(\/[\w.+/-]*[\w.+-])\/[0-9a-df-np-sv-z]{32}-[^/]+(?:\/|$)/;

/** The programs without which there is no sandbox. */
const TOOLS = ["unshare", "setpriv", "mount", "umount", "pivot_root", "chroot", "tar", "find", "sh"];

/** Folders with some of these programs that aren't on every user's `PATH`, for example on Debian. */
const FOR_ADMINISTRATORS = ["/usr/sbin", "/sbin"];

/** Finds the sandbox's programs on a `PATH`. The folders of administrators' programs are added to it if some are missing. */
export async function programsOn(path: string): Promise<Programs> {
  const enough = (await absent(TOOLS, path)).length === 0;
  const whole = enough ? path : [path, ...FOR_ADMINISTRATORS].filter((part) => part !== "").join(":");
  return {
    path: whole,
    missing: enough ? [] : await absent(TOOLS, whole),
    stores: await storesOf(whole),
  };
}

/** The usual store dir, and the store dirs of the folders in a `PATH`. */
async function storesOf(path: string): Promise<string[]> {
  const folders = path.split(":");
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const stores = [...folders, ...real].map((folder) => IN_STORE.exec(folder)?.[1]);
  return [...new Set([USUAL, ...stores.filter((store) => store !== undefined)])];
}
