/** Recipes as JSON that means the same on each machine which has the same files, and back. */
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { VarveError } from "#errors";
import {
  type EntryItem,
  type KeptListings,
  type LayerRecipe,
  listTree,
  type TreeItem,
  type TreeListing,
} from "#fs";
import { findDifference, type TreeContents, treeContents } from "./contents.ts";
import type { RecipeJson } from "./schema.ts";

/** The name of a store path: Nix manual, "Store Path". */
const STORE_PATH = /^[0-9abcdfghijklmnpqrsvwxyz]{32}-./;

type ItemJson = RecipeJson["items"][number];
type TreeJson = Extract<ItemJson, { tree: string }>;

export interface RecipeJsonOptions {
  /** The folder that paths are relative to. */
  readonly root: string;
  /** Keeps the listings of trees whose content was looked at. */
  readonly listings: KeptListings;
}

/**
 * A recipe with the hashes of all that goes into its layer.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function recipeToJson(recipe: LayerRecipe, options: RecipeJsonOptions): RecipeJson {
  const { owner, mtime, modes, verbatim, permissions = [] } = recipe;
  return {
    owner: { ...owner },
    mtime,
    modes,
    ...(verbatim !== undefined && { verbatim }),
    ...(permissions.length > 0 && {
      permissions: permissions.map(({ path: { source, flags }, ...fields }) => ({
        path: { source, flags },
        ...fields,
      })),
    }),
    items: recipe.items.map((item) =>
      item.kind === "entry" ? entryToJson(item) : treeToJson(item, recipe, options),
    ),
  };
}

function entryToJson({ entry: { pax, ...entry }, content, implied }: EntryItem): ItemJson {
  return {
    entry: { ...entry, ...(pax !== undefined && { pax: [...pax] }) },
    ...(content !== undefined && { content: Buffer.from(content).toString("base64") }),
    ...(implied !== undefined && { implied }),
  };
}

function treeToJson(item: TreeItem, recipe: LayerRecipe, options: RecipeJsonOptions): TreeJson {
  const { source, target, exclude, modes, narHash } = item;
  const known = narHash === undefined ? contentsOf(item, recipe, options) : undefined;
  return {
    tree: fromRoot(source, options.root),
    at: target,
    ...(exclude !== undefined && { exclude: [...exclude] }),
    ...(modes !== undefined && { modes }),
    ...(narHash !== undefined && { narHash }),
    ...(known !== undefined && { content: known.digest, files: { ...known.files } }),
  };
}

/** A path that means the same below another machine's root; what isn't below it stays as it is. */
export function fromRoot(path: string, root: string): string {
  const below = relative(root, path);
  const isBelow = below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below);
  return isBelow ? below || "." : path;
}

/**
 * The recipe, with the files that are below a root.
 * @throws VarveError `JOB_DIFFERS` for a file that isn't as it was when the job was made; `INVALID_JOB`, `NOT_FOUND`, `UNREADABLE`
 */
export function recipeFromJson(
  json: RecipeJson,
  { root, listings, components }: RecipeJsonOptions & { readonly components: readonly string[] },
): LayerRecipe {
  const { owner, mtime, modes, verbatim, permissions } = json;
  const recipe: LayerRecipe = {
    items: json.items.map((item) => ("tree" in item ? treeFrom(item, root) : entryFrom(item))),
    owner,
    mtime,
    modes,
    components,
    ...(verbatim !== undefined && { verbatim }),
    ...(permissions !== undefined && {
      permissions: permissions.map(({ path, ...fields }) => ({
        ...defined(fields),
        path: new RegExp(path.source, path.flags),
      })),
    }),
  };
  for (const [at, planned] of json.items.entries()) {
    if ("tree" in planned) checkTree(recipe.items[at] as TreeItem, planned, { recipe, root, listings });
  }
  return recipe;
}

function treeFrom({ tree, at, exclude, modes, narHash }: TreeJson, root: string): TreeItem {
  return {
    kind: "tree",
    source: resolve(root, tree),
    target: at,
    ...(exclude !== undefined && { exclude }),
    ...(modes !== undefined && { modes }),
    ...(narHash !== undefined && { narHash }),
  };
}

function entryFrom({ entry: { pax, ...entry }, content, implied }: Exclude<ItemJson, TreeJson>): EntryItem {
  return {
    kind: "entry",
    entry: { ...defined(entry), ...(pax !== undefined && { pax: new Map(pax) }) } as EntryItem["entry"],
    ...(content !== undefined && { content: Buffer.from(content, "base64") }),
    ...(implied !== undefined && { implied }),
  };
}

/** What the parser has seen as left out is left out. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function checkTree(
  item: TreeItem,
  planned: TreeJson,
  { recipe, ...options }: RecipeJsonOptions & { readonly recipe: LayerRecipe },
): void {
  if (planned.content === undefined) {
    // A store path with a NAR hash is that; of anything else nobody may send what the job doesn't know already.
    if (planned.narHash !== undefined && STORE_PATH.test(basename(item.source))) return;
    throw new VarveError(
      "INVALID_JOB",
      `the job doesn't say what is in ${item.source}, which is no store path; plan again`,
    );
  }
  const found = contentsOf(item, recipe, options);
  if (found.digest === planned.content) return;
  const { path, what } = findDifference(planned.files ?? {}, found.files) ?? { path: "", what: "changed" };
  const file = path === "" ? item.source : join(item.source, path);
  const how = {
    missing: "was there when the layer was planned, and isn't here",
    new: "wasn't there when the layer was planned",
    changed: "isn't as it was when the layer was planned",
  }[what];
  throw new VarveError(
    "JOB_DIFFERS",
    `${file} ${how}; run the job where the files are the same, or plan again`,
  );
}

function contentsOf(item: TreeItem, recipe: LayerRecipe, { listings }: RecipeJsonOptions): TreeContents {
  return treeContents(listingOf(item, listings), item.modes ?? recipe.modes);
}

/** The layer is packed as its trees were listed here, so that no file can come or go in between. */
function listingOf(item: TreeItem, listings: KeptListings): TreeListing {
  const before = listings.get(item);
  if (before?.identity !== undefined) return before;
  const listing = listTree(item.source, { exclude: item.exclude ?? [], identify: true });
  listings.keep(item, listing);
  return listing;
}
