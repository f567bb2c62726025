/** The sandbox's own programs, and where those of Nix live, which need all that is beside them. */
import { realpath } from "node:fs/promises";
import { absent } from "./programs.ts";

/** This machine's programs, as the sandbox finds them. */
export interface Programs {
  /** `PATH` for the sandbox's own programs. */
  readonly path: string;
  /** Those that can't be found. */
  readonly missing: readonly string[];
  /** Store dirs that have to be shown. */
  readonly stores: readonly string[];
}

const USUAL = "/nix/store";

/** A store path or what is in it, in a store dir that needs no quotes anywhere. */
const IN_STORE = /^(\/[\w.+/-]*[\w.+-])\/[0-9a-df-np-sv-z]{32}-[^/]+(?:\/|$)/;

/** What the sandbox can't be made without. */
const TOOLS = ["unshare", "setpriv", "mount", "umount", "pivot_root", "chroot", "tar", "find", "sh"];

/** Where some of these are, though not on every user's `PATH`: not on Debian's. */
const FOR_ADMINISTRATORS = ["/usr/sbin", "/sbin"];

/** Finds the sandbox's programs on a `PATH`, to which the folders for administrators' are added if it is not enough. */
export async function programsOn(path: string): Promise<Programs> {
  const enough = (await absent(TOOLS, path)).length === 0;
  const whole = enough ? path : [path, ...FOR_ADMINISTRATORS].filter((part) => part !== "").join(":");
  return {
    path: whole,
    missing: enough ? [] : await absent(TOOLS, whole),
    stores: await storesOf(whole),
  };
}

/** The usual store dir, and those which folders of a `PATH` are in. */
async function storesOf(path: string): Promise<string[]> {
  const folders = path.split(":");
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const stores = [...folders, ...real].map((folder) => IN_STORE.exec(folder)?.[1]);
  return [...new Set([USUAL, ...stores.filter((store) => store !== undefined)])];
}
