/** Images that are made when somebody asks for them, and made anew when they have changed. */
import { type Descriptor, isDigest } from "#oci";
import type { Collected } from "./collect.ts";
import type { PullSide, ServedBlob, ServedManifest } from "./pull-side.ts";
import { referrersAmong } from "./referrers.ts";

/** An image that was made. Disposing of it closes what its layers are made from. */
export interface MadeImage extends AsyncDisposable {
  readonly collected: Collected;
  /** Of the manifest or the index that its tags name. */
  readonly digest: string;
  readonly tags: readonly string[];
  /** Adds a manifest that an index names and nobody has asked for yet, if there is one of this digest. */
  readonly add?: ((digest: string) => Promise<void>) | undefined;
}

export interface ServedImageOptions {
  readonly repository: string;
  /**
   * Makes the image.
   * @param distrust what was known of its blobs has proved wrong
   */
  readonly make: (options: { readonly distrust: boolean }) => Promise<MadeImage>;
  /** Gets what went wrong with a new image or with a blob; the last image that was right stays. */
  readonly onFailure?: ((error: unknown, failure: { readonly isStale: boolean }) => void) | undefined;
}

/** One image that is served. */
export class ServedImage implements AsyncDisposable {
  readonly repository: string;
  readonly #options: ServedImageOptions;
  /** The newest first. The one before is still there for those who have begun to pull it. */
  #made: MadeImage[] = [];
  #making: Promise<MadeImage> | undefined;
  #isStale = false;
  #distrust = false;
  #closed = false;

  constructor(options: ServedImageOptions) {
    this.repository = options.repository;
    this.#options = options;
  }

  /** Whether it has been asked for. */
  get isWanted(): boolean {
    return this.#made.length > 0 || this.#making !== undefined;
  }

  /**
   * The image, made if it isn't there, or isn't right any more.
   * @throws whatever making it throws, where there is no image from before
   */
  async current(): Promise<MadeImage> {
    const [last] = this.#made;
    if (this.#making === undefined && last !== undefined && !this.#isStale) return last;
    try {
      return await this.#make();
    } catch (error) {
      if (last === undefined) throw error;
      return last;
    }
  }

  /** Makes the image anew, after what is under way. Never fails: that is told, and the last one stays. */
  async renew(): Promise<void> {
    await this.#making?.catch(() => {});
    this.#isStale = true;
    await this.#make().catch(() => {});
  }

  /** The manifest of this digest, of this image or the one before. */
  async manifest(digest: string): Promise<ServedManifest | undefined> {
    await this.current();
    for (const { collected, add } of this.#made) {
      if (!collected.manifests.has(digest)) await add?.(digest);
      const found = collected.manifests.get(digest);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The blob of this digest, of this image or the one before. */
  async blob(digest: string): Promise<ServedBlob | undefined> {
    await this.current();
    for (const { collected } of this.#made) {
      const blob = collected.blobs.get(digest);
      if (blob !== undefined) return { size: blob.size, open: (from, to) => this.#watched(blob, from, to) };
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#making?.catch(() => {});
    for (const made of this.#made.splice(0)) await made[Symbol.asyncDispose]();
  }

  #make(): Promise<MadeImage> {
    this.#making ??= this.#makeNow().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeNow(): Promise<MadeImage> {
    const isRenewed = this.#made.length > 0;
    // What changes from now on makes it stale again.
    this.#isStale = false;
    try {
      const made = await this.#options.make({ distrust: this.#distrust });
      this.#distrust = false;
      const old = this.#made.splice(1);
      this.#made.unshift(made);
      for (const one of old) await one[Symbol.asyncDispose]();
      return made;
    } catch (error) {
      if (isRenewed) this.#options.onFailure?.(error, { isStale: false });
      throw error;
    }
  }

  /** A blob that turns out to be another, since files have changed, makes its image one that isn't right. */
  async *#watched(blob: ServedBlob, from: number, to: number): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* blob.open(from, to);
    } catch (error) {
      if (this.#closed) throw error;
      this.#isStale = true;
      this.#distrust = true;
      this.#options.onFailure?.(error, { isStale: true });
      throw error;
    }
  }
}

/** What images have to pull, each in a repository of its own. */
export function pullSideOf(images: readonly ServedImage[]): PullSide {
  const inRepository = (name: string) => images.find(({ repository }) => repository === name);
  return {
    async manifest(repository, name) {
      const image = inRepository(repository);
      if (image === undefined) return undefined;
      if (isDigest(name)) return await image.manifest(name);
      const { tags, digest, collected } = await image.current();
      return tags.includes(name) ? collected.manifests.get(digest) : undefined;
    },
    blob: async (repository, digest) => inRepository(repository)?.blob(digest),
    tags: async (repository) => (await inRepository(repository)?.current())?.tags,
    async referrers(repository, digest): Promise<readonly Descriptor[]> {
      const image = inRepository(repository);
      if (image === undefined) return [];
      return referrersAmong((await image.current()).collected.manifests.values(), digest);
    },
  };
}
