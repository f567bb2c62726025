export { FOLDER_DEPTH, folderOf, UPKEEP } from "./folders.ts";
export { INVENTORY_FORMAT, inventoryOf, isInventoryPart } from "./inventory/inventory.ts";
export { type LayersInventoryOptions, layersInventory } from "./inventory/of-layers.ts";
export type { Distribution, FoundPackage, Inventory, PackageKind } from "./inventory/types.ts";
export { MAX_DATABASE_FILE, type Packages, readPackages } from "./packages.ts";
export type { InstalledPackage, ReadEntry } from "./types.ts";
