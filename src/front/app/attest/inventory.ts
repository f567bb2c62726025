/** What is installed in layers, looked up only once for each of them. */
import type { DigestCache } from "#cache";
import type { Layer } from "#image";
import { INVENTORY_FORMAT, type Inventory, layersInventory } from "#packages";

/**
 * What is installed in an image of these layers.
 * @throws VarveError what reading layers throws
 */
export async function installedIn(
  layers: readonly Layer[],
  { cache, signal }: { readonly cache: DigestCache | undefined; readonly signal: AbortSignal | undefined },
): Promise<Inventory> {
  if (layers.length === 0) return { packages: [] };
  const parts = [INVENTORY_FORMAT, ...layers.map(({ diffId }) => diffId)];
  const known = cache?.facts(parts);
  if (known !== undefined) return JSON.parse(Buffer.from(known).toString()) as Inventory;
  const found = await layersInventory(layers, { signal });
  cache?.putFacts(parts, Buffer.from(JSON.stringify(found)));
  return found;
}
