/** What hangs on an image, from one place to another. */
import { type Descriptor, isForeignLayer } from "#oci";
import type { ReferrerDocument, ReferrerSource, ReferrerStore } from "./store.ts";
import type { ReferrerNode } from "./tree.ts";

/** How what hangs on an image is copied. */
export interface CopyReferrersOptions {
  /** Gets a sentence for each that is left behind since it can't be read, or hangs on something else. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** How many bytes of manifests are kept before they are put. */
const BATCH = 16 * 1024 * 1024;

/**
 * Copies all that hangs on an image which is at the other place already; the image itself isn't. All stays as it is, byte for byte.
 * @param tree - the image's, or its index's, of the place where it hangs
 * @returns how many manifests were copied, or were there
 * @throws VarveError what reading from and writing to the places throws
 */
export async function copyReferrers(
  tree: ReferrerNode,
  { from, to }: { readonly from: ReferrerSource; readonly to: ReferrerStore },
  options: CopyReferrersOptions,
): Promise<number> {
  return await new Copying(from, to, options).below(tree);
}

/** Copies a manifest that an index names, with its blobs, as it is; of an index all that it names. */
export async function copyDocument(
  descriptor: Descriptor,
  { from, to }: { readonly from: ReferrerSource; readonly to: ReferrerStore },
  signal: AbortSignal | undefined,
): Promise<void> {
  await to.put(await new Copying(from, to, { signal }).content(descriptor), { signal });
}

class Copying {
  readonly #from: ReferrerSource;
  readonly #to: ReferrerStore;
  readonly #options: CopyReferrersOptions;

  constructor(from: ReferrerSource, to: ReferrerStore, options: CopyReferrersOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  async below({ descriptor: subject, children, unlisted }: ReferrerNode): Promise<number> {
    const { signal, onWarning } = this.#options;
    if (unlisted !== undefined)
      onWarning?.(`something that hangs on ${subject.digest} may be left behind: ${unlisted}`);
    let count = 0;
    let waiting: ReferrerDocument[] = [];
    const put = async () => {
      if (waiting.length > 0) await this.#to.putReferrers(subject.digest, waiting, signal);
      waiting = [];
    };
    for (const { descriptor, relation, fault, tag } of children) {
      if (fault !== undefined) onWarning?.(`${descriptor.digest} is left behind: ${fault}`);
      if (fault !== undefined || (relation !== "referrer" && relation !== "tag")) continue;
      const document = await this.content(descriptor);
      count++;
      if (relation === "tag") await this.#to.put(document, { tag, signal });
      else waiting.push(document);
      if (waiting.reduce((sum, { bytes }) => sum + bytes.length, 0) > BATCH) await put();
    }
    await put();
    for (const child of children) count += await this.below(child);
    return count;
  }

  /** Copies all that a manifest names, and returns it. */
  async content(descriptor: Descriptor): Promise<ReferrerDocument> {
    const { signal } = this.#options;
    const found = await this.#from.document(descriptor, signal);
    if (found.kind === "index") {
      for (const entry of found.document.value.manifests)
        await this.#to.put(await this.content(entry), { signal });
      return found.document;
    }
    const { config, layers } = found.document.value;
    for (const blob of [config, ...layers]) {
      if (!isForeignLayer(blob.mediaType)) await this.#blob(blob);
    }
    return found.document;
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const { blobs } = this.#to;
    if (await blobs.has(descriptor)) return;
    const { origin } = this.#from;
    if (origin !== undefined && (await blobs.mount?.(descriptor, origin))) return;
    const open = (signal?: AbortSignal) => this.#from.blob(descriptor, signal);
    await blobs.put({ descriptor, open }, this.#options.signal);
  }
}
