/** Where Nix's programs live, which need all that is beside them. */
import { realpath } from "node:fs/promises";

const USUAL = "/nix/store";

/** A store path or what is in it, in a store dir that needs no quotes anywhere. */
const IN_STORE = /^(\/[\w.+/-]*[\w.+-])\/[0-9a-df-np-sv-z]{32}-[^/]+(?:\/|$)/;

/** The usual store dir, and those which folders of a `PATH` are in. */
export async function storesOf(path: string): Promise<string[]> {
  const folders = path.split(":");
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const stores = [...folders, ...real].map((folder) => IN_STORE.exec(folder)?.[1]);
  return [...new Set([USUAL, ...stores.filter((store) => store !== undefined)])];
}
