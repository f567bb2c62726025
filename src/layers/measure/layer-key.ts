import { createHash } from "node:crypto";
import { type LayerKey, layerKey } from "#cache";
import type { EntryItem, LayerRecipe, PermissionRule, TreeListing } from "#fs";

/**
 * The key of a recipe's layer in the cache: a hash of everything that determines its bytes. A tree is represented by its
 * NAR hash or else by its files' metadata, which a listing has; the key is undefined if a tree has neither.
 */
export function recipeKey(recipe: LayerRecipe, listings?: readonly TreeListing[]): LayerKey | undefined {
  const items: unknown[] = [];
  let tree = 0;
  for (const item of recipe.items) {
    if (item.kind === "entry") {
      items.push(entryParts(item));
      continue;
    }
    const { target, exclude = [], narHash, modes } = item;
    const metadata = listings?.[tree++]?.identity?.metadata;
    if (narHash === undefined && metadata === undefined) return undefined;
    items.push({
      target,
      exclude,
      ...(modes && { modes }),
      ...(narHash === undefined ? { metadata } : { narHash }),
    });
  }
  const { owner, mtime, modes, verbatim, permissions = [] } = recipe;
  const rules = permissions.length === 0 ? undefined : permissions.map(ruleParts);
  return layerKey({ items, owner: { ...owner }, mtime, modes, verbatim, permissions: rules });
}

function entryParts({ entry, content, implied }: EntryItem): object {
  const { pax, ...fields } = entry;
  return {
    ...fields,
    ...(pax !== undefined && { pax: [...pax] }),
    ...(implied && { implied }),
    ...(content !== undefined && { content: createHash("sha256").update(content).digest("hex") }),
  };
}

function ruleParts({ path, ...fields }: PermissionRule): object {
  return { ...fields, path: path.source, flags: path.flags };
}
