/** What images have in common that are made together: each of it is read, listed, measured and opened once. */
import { existsSync } from "node:fs";
import { KeptListings } from "#fs";
import type { Image } from "#image";
import type { Layout } from "#layering";
import { LayerTable } from "#measure";
import { formatPlatform } from "#oci";
import { readLock } from "#plan";
import type { ImageSpec } from "#spec";
import { Memo, Resources } from "#util";
import { writeFleetLock, writeLock } from "../lock-file.ts";
import type { Operation } from "../machine.ts";
import { openImages } from "../open-images.ts";
import { FleetLayouts } from "./layouts.ts";

export class Together implements AsyncDisposable {
  /** Knows projects' lock files, and the packages that were found. */
  readonly memo = new Memo();
  readonly listings: KeptListings;
  readonly layers = new LayerTable();
  /** By the lock files that images keep to; those without one are together, too. */
  readonly #layouts = new Map<string | undefined, Promise<FleetLayouts>>();
  readonly #opened = new Resources();
  readonly #options: TogetherOptions;

  /** @param since before anything is listed, by the digest cache's clock */
  constructor(since: number, options: TogetherOptions = {}) {
    this.listings = new KeptListings(since, { isLasting: true });
    this.#options = options;
  }

  /**
   * The layouts that an image begins with: those in its lock file, and those that were planned before it with the same one.
   * @throws VarveError what reading the file throws
   */
  async layoutsOf({ lockFile }: Pick<ImageSpec, "lockFile">): Promise<FleetLayouts> {
    const known = this.#layouts.get(lockFile) ?? layoutsIn(lockFile);
    this.#layouts.set(lockFile, known);
    return await known;
  }

  /** Writes the lock files, of images that were planned here. @throws VarveError what writing them throws */
  async writeLocks(signal: AbortSignal | undefined): Promise<void> {
    for (const [file, layouts] of this.#layouts) {
      const { planned } = await layouts;
      if (file === undefined || planned.size === 0) continue;
      const write = file === this.#options.lockFile ? writeFleetLock : writeLock;
      await write(file, planned, signal);
    }
  }

  /** Opens an image that may be the base of several; it stays open. */
  async image(place: string, operation: Pick<Operation, "machine" | "read">): Promise<Image> {
    const { platform, strict = false } = operation.read;
    return await this.memo.get(`image ${formatPlatform(platform)} ${strict} ${place}`, async () => {
      const opened = this.#opened.use(await openImages([place], operation));
      return opened.images[0]!;
    });
  }

  /** Says which layers an image has; those that are planned after it begin with these. */
  async planned(spec: Pick<ImageSpec, "name" | "lockFile">, layout: Layout): Promise<void> {
    (await this.layoutsOf(spec)).set(spec.name, layout);
    this.#options.onPlanned?.(spec.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}

async function layoutsIn(lockFile: string | undefined): Promise<FleetLayouts> {
  if (lockFile === undefined || !existsSync(lockFile)) return new FleetLayouts();
  return new FleetLayouts(await readLock(lockFile));
}

export interface TogetherOptions {
  /** A lock file that is one of several images, even if there is only one yet. */
  readonly lockFile?: string | undefined;
  /** Told when an image's layers are decided. */
  readonly onPlanned?: ((name: string) => void) | undefined;
}
