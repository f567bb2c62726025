import { VarveError } from "#errors";
import type { EntryItem, LayerRecipe } from "#fs";
import { EntryType } from "#tar";
import type { StreamConf } from "./conf.ts";

/** Docker's own tools expect the directories above the store first. */
const STORE_PARENTS: readonly EntryItem[] = ["/nix", "/nix/store"].map((name) => ({
  kind: "entry",
  entry: { name, type: EntryType.directory, mode: 0o755 },
}));

/**
 * The recipe of the layer that holds these store paths, in this order.
 * @throws VarveError `OUTSIDE_STORE` for a path that isn't below the conf's store dir
 */
export function storeLayerRecipe(
  paths: readonly string[],
  conf: Pick<StreamConf, "storeDir" | "owner" | "mtime">,
): LayerRecipe {
  const trees = paths.map((path) => {
    const target = normalise(path);
    if (!isBelow(target, normalise(conf.storeDir))) {
      throw new VarveError(
        "OUTSIDE_STORE",
        `${path} is not in the store ${conf.storeDir}; only its paths can be in a store layer`,
      );
    }
    return { kind: "tree", source: target, target } as const;
  });
  return {
    items: [...STORE_PARENTS, ...trees],
    owner: conf.owner,
    mtime: conf.mtime,
    modes: "keep",
    verbatim: true,
    components: paths,
  };
}

/** A path as Python's `pathlib` holds it: no empty components, no `.`; but `..` stays. */
function normalise(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return path.startsWith("/") ? `/${parts.join("/")}` : parts.join("/");
}

function isBelow(path: string, folder: string): boolean {
  if (path.split("/").includes("..")) return false;
  return path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
}
