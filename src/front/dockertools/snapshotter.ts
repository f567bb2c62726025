/**
 * Images for nix-snapshotter, a plugin of containerd that mounts store paths instead of unpacking layers of them: the image has one
 * small layer with a place for each path, and its descriptor in the manifest lists the paths as annotations.
 */
import { stat } from "node:fs/promises";
import { readError, VarveError } from "#errors";
import type { EntryItem, LayerRecipe } from "#fs";
import { EntryType } from "#tar";
import type { StreamConf } from "./conf.ts";
import { storeLayerRecipe } from "./store-layer.ts";

/** What the plugin looks for in a layer's descriptor, in `pkg/nix2container/generate.go` of its sources. */
const NIX_LAYER = "containerd.io/snapshot/nix-layer";
const STORE_PATH = "containerd.io/snapshot/nix-store-path.";

/**
 * The annotation of a layer that is unpacked as it is. Those above the one with the places need it: for other layers the plugin
 * mounts the paths that layers below them name, even while it unpacks them.
 */
export const NIX_LAYER_ANNOTATION: Readonly<Record<string, string>> = { [NIX_LAYER]: "true" };

/** The annotations of the layer that has the places of store paths. */
export function mountAnnotations(paths: readonly string[]): Readonly<Record<string, string>> {
  return {
    ...NIX_LAYER_ANNOTATION,
    ...Object.fromEntries(paths.map((path, at) => [`${STORE_PATH}${at}`, path])),
  };
}

/**
 * The recipe of that layer: a folder for each path that is one, and an empty file for each other.
 * @throws VarveError `OUTSIDE_STORE`, `NOT_FOUND`, `UNREADABLE`
 */
export async function mountRecipe(
  paths: readonly string[],
  conf: Pick<StreamConf, "storeDir" | "owner" | "mtime">,
): Promise<LayerRecipe> {
  const whole = storeLayerRecipe(paths, conf);
  const items = whole.items.map(async (item): Promise<EntryItem> => {
    if (item.kind === "entry") return item;
    const found = await stat(item.source).catch((error) => {
      throw readError(item.source, error);
    });
    const entry = found.isDirectory()
      ? { name: item.target, type: EntryType.directory, mode: 0o755 }
      : { name: item.target, type: EntryType.file, mode: 0o555 };
    return { kind: "entry", entry };
  });
  return { ...whole, items: await Promise.all(items) };
}

/**
 * Refuses an image for nix-snapshotter where there is no place for what its manifest says.
 * @throws VarveError `USAGE`
 */
export function checkIsWhole({ storeMounts, repoTag }: Pick<StreamConf, "storeMounts" | "repoTag">): void {
  if (storeMounts === undefined) return;
  throw new VarveError(
    "USAGE",
    `${repoTag} is an image for nix-snapshotter, whose manifest names store paths that aren't in it; push it to a registry (pushImage), or build it as an OCI archive (buildLayeredImage)`,
  );
}
