/**
 * Folders outside of a project that it has linked (`link:`, `file:`), and their places in its image. Above the project there is
 * no room there, so they are in a folder of its own, at the same distances from each other: for links between them nothing
 * changes, and those that lead in or out are written anew. The names of the folders above the project reach no image.
 */
import { posix, resolve } from "node:path";
import { readLink, sortNames } from "#util";

/** Where they are in the image, below the project. Not in `node_modules`, where Node.js runs no TypeScript. */
const LINKED = ".linked";

/** Stands for a folder whose name isn't the project's business. */
const SOME = "_";

/** Whether an id, a path relative to the project, leads out of it. */
export function isOutside(id: string): boolean {
  return id === ".." || id.startsWith("../");
}

export class Outside {
  readonly #root: string;
  /** How far above the project the folders lie. */
  readonly #depth: number;
  /** Ids by absolute paths. */
  readonly #ids: ReadonlyMap<string, string>;

  /** @param ids all components' */
  constructor(root: string, ids: Iterable<string>) {
    this.#root = root;
    this.#ids = new Map([...ids].map((id) => [resolve(root, id), id]));
    this.#depth = Math.max(0, ...[...this.#ids.values()].map(upwards));
  }

  get isEmpty(): boolean {
    return this.#depth === 0;
  }

  /** The place of a path in the image, both relative to the project. */
  placeOf(id: string): string {
    if (!isOutside(id)) return id;
    const up = upwards(id);
    return posix.join(LINKED, `${SOME}/`.repeat(this.#depth - up), ...id.split("/").slice(up));
  }

  /** As `nestedPaths` has it, of components that may lie around the project. */
  nested(left: readonly string[]): Map<string, string[]> {
    const nested = new Map<string, string[]>();
    for (const path of new Set([...this.#ids.keys(), ...left.map((id) => resolve(this.#root, id))])) {
      const holder = this.#holderOf(path);
      if (holder === undefined) continue;
      const list = nested.get(holder.id) ?? [];
      nested.set(holder.id, list);
      list.push(holder.below);
    }
    for (const list of nested.values()) sortNames(list);
    return nested;
  }

  /**
   * What links lead to in the image where that isn't what they say, by their paths in the components that have them.
   * @param links ids of links, and of what they lead to in the end
   */
  links(links: ReadonlyMap<string, string>): Map<string, Map<string, string>> {
    const found = new Map<string, Map<string, string>>();
    for (const [link, target] of links) {
      if (!isOutside(link) && !isOutside(target)) continue;
      const from = posix.dirname(this.placeOf(link));
      const to = this.placeOf(target);
      const path = resolve(this.#root, link);
      const holder = this.#holderOf(path);
      if (holder === undefined || posix.join(from, readLink(path)) === to) continue;
      const own = found.get(holder.id) ?? new Map<string, string>();
      found.set(holder.id, own.set(holder.below, posix.relative(from, to)));
    }
    return found;
  }

  /** The innermost component around a path, and the path from there. */
  #holderOf(path: string): { readonly id: string; readonly below: string } | undefined {
    for (let at = posix.dirname(path); ; at = posix.dirname(at)) {
      const id = this.#ids.get(at);
      if (id !== undefined) return { id, below: path.slice(at === "/" ? 1 : at.length + 1) };
      if (at === "/") return undefined;
    }
  }
}

/** How many folders up a path begins. */
function upwards(id: string): number {
  const parts = id.split("/");
  const down = parts.findIndex((part) => part !== "..");
  return down === -1 ? parts.length : down;
}

/** Whether a folder is the project's own, and not something that was installed. */
export function isSource(id: string): boolean {
  return !/(?:^|\/)node_modules(?:\/|$)/.test(id);
}
