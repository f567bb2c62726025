/** The sandbox's own programs, and where those of Nix live, which need all that is beside them. */
import { realpath } from "node:fs/promises";

/** This machine's programs, as the sandbox finds them. */
export interface Programs {
  /** `PATH` for the sandbox's own programs. */
  readonly path: string;
  /** Store dirs that have to be shown. */
  readonly stores: readonly string[];
}

const USUAL = "/nix/store";

/** A store path or what is in it, in a store dir that needs no quotes anywhere. */
const IN_STORE = /^(\/[\w.+/-]*[\w.+-])\/[0-9a-df-np-sv-z]{32}-[^/]+(?:\/|$)/;

/** Finds out what stands behind a `PATH`. */
export async function programsOn(path: string): Promise<Programs> {
  return { path, stores: await storesOf(path) };
}

/** The usual store dir, and those which folders of a `PATH` are in. */
async function storesOf(path: string): Promise<string[]> {
  const folders = path.split(":");
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const stores = [...folders, ...real].map((folder) => IN_STORE.exec(folder)?.[1]);
  return [...new Set([USUAL, ...stores.filter((store) => store !== undefined)])];
}
