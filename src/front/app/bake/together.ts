/** What images have in common that are made together: each of it is read, listed, measured and opened once. */
import { KeptListings } from "#fs";
import type { Image } from "#image";
import type { Layout } from "#layering";
import { LayerTable } from "#measure";
import { formatPlatform } from "#oci";
import { Memo, Resources } from "#util";
import type { Operation } from "../machine.ts";
import { openImages } from "../open-images.ts";
import type { FleetLayouts } from "./layouts.ts";

export class Together implements AsyncDisposable {
  /** Knows projects' lock files, and the packages that were found. */
  readonly memo = new Memo();
  readonly listings: KeptListings;
  readonly layers = new LayerTable();
  readonly layouts: FleetLayouts;
  readonly #opened = new Resources();
  readonly #onPlanned: ((name: string) => void) | undefined;

  /**
   * @param since before anything is listed, by the digest cache's clock
   * @param layouts those to keep to
   */
  constructor(since: number, { layouts, onPlanned }: TogetherOptions) {
    this.listings = new KeptListings(since, { isLasting: true });
    this.layouts = layouts;
    this.#onPlanned = onPlanned;
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
  planned(name: string, layout: Layout): void {
    this.layouts.set(name, layout);
    this.#onPlanned?.(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}

export interface TogetherOptions {
  readonly layouts: FleetLayouts;
  /** Told when an image's layers are decided. */
  readonly onPlanned?: ((name: string) => void) | undefined;
}
