/** The layouts of images that are planned one after the other. */
import type { Layout, Lock } from "#layering";
import type { ImageLayouts } from "#plan";

interface SharedLayer {
  readonly layer: ReadonlyMap<string, string>;
  readonly owners: Set<string>;
}

/**
 * Layouts by the images' names: those of a lock file to begin with, then those that were planned. Layers that many images have are
 * there once, so that the two hundredth image isn't compared with the layers of all the others.
 */
export class FleetLayouts implements ImageLayouts {
  readonly #lock: Lock | undefined;
  readonly #planned = new Map<string, Layout>();
  readonly #layers = new Map<string, SharedLayer>();

  /** @param lock a lock file of several images */
  constructor(lock?: Lock) {
    this.#lock = lock;
    for (const [name, layout] of lock?.named() ?? []) this.#add(name, layout);
  }

  /** Whether they are those of a lock file of one image. */
  get isOfOne(): boolean {
    return this.#lock?.isOfOne ?? false;
  }

  /** The layout that an image keeps to; undefined if it had none before. */
  layoutOf(name: string): Layout | undefined {
    return this.#lock?.layoutOf(name);
  }

  /** The layers of other images, each once. */
  othersThan(name: string): Layout[] {
    const layers = [...this.#layers.values()].filter(({ owners }) => owners.size > 1 || !owners.has(name));
    return layers.length === 0 ? [] : [{ layers: layers.map(({ layer }) => layer) }];
  }

  set(name: string, layout: Layout): void {
    const before = this.#planned.get(name) ?? this.#lock?.layoutOf(name);
    for (const layer of before?.layers ?? []) this.#remove(name, layer);
    this.#planned.set(name, layout);
    this.#add(name, layout);
  }

  /** What has been planned, by the images' names. */
  get planned(): ReadonlyMap<string, Layout> {
    return this.#planned;
  }

  #add(name: string, { layers }: Layout): void {
    for (const layer of layers) {
      const key = keyOf(layer);
      const known = this.#layers.get(key) ?? { layer, owners: new Set() };
      this.#layers.set(key, known);
      known.owners.add(name);
    }
  }

  #remove(name: string, layer: ReadonlyMap<string, string>): void {
    const key = keyOf(layer);
    const owners = this.#layers.get(key)?.owners;
    owners?.delete(name);
    if (owners?.size === 0) this.#layers.delete(key);
  }
}

const keyOf = (layer: ReadonlyMap<string, string>): string => JSON.stringify([...layer]);
