/**
 * What hangs on images of a layout. The specification doesn't say how a layout lists referrers. oras lists each manifest in
 * `index.json`; regctl has the tag of the distribution specification there. Both are read; written is the first, and the second where it
 * is there already.
 */
import { VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  encodeDocument,
  type ImageIndex,
  isIndexType,
  isManifestType,
  type ManifestOrIndex,
  MediaType,
  type Platform,
} from "#oci";
import {
  checkCount,
  encodeReferrers,
  ofType,
  type PutOptions,
  type ReferrerDocument,
  type ReferrerSource,
  type ReferrerStore,
  type ReferrersQuery,
  referrerEntry,
  referrersIndex,
  referrersTag,
  withReferrers,
} from "#referrers";
import type { SpoolLimit } from "#util";
import { type BlobStore, storeBytes } from "#write";
import { LayoutArchive } from "./archive.ts";
import { type LayoutFiles, layoutBlob, readDocument } from "./blobs.ts";
import { chooseEntries, chooseManifest } from "./choose.ts";
import { LayoutFolder } from "./folder.ts";
import { emptyIndex, withEntries } from "./index-entries.ts";
import { CONTAINERD_NAME, REF_NAME } from "./names.ts";
import { checkMarker, type OciSourceOptions, readIndex } from "./read.ts";
import { LayoutStore } from "./store.ts";

/** What hangs on images of an archive, which can only be read. */
export async function archiveReferrers(
  { path, select, maxSpool }: OciSourceOptions & SpoolLimit,
  signal: AbortSignal | undefined,
): Promise<ReferrerSource> {
  return new Referrers(await LayoutArchive.open(path, { signal, maxSpool }), { kind: "oci-archive", select });
}

/** What hangs on images of a folder. */
export function layoutReferrers({ path, select }: OciSourceOptions): ReferrerStore {
  return new LayoutReferrers(path, select);
}

class Referrers implements ReferrerSource {
  readonly name: string;
  readonly files: LayoutFiles;
  readonly #select: string | undefined;
  /** What has been read of manifests, which never change. */
  readonly #known = new Map<Digest, { readonly subject: Digest | undefined; readonly entry: Descriptor }>();

  constructor(files: LayoutFiles, { kind, select }: { kind: string; select: string | undefined }) {
    this.files = files;
    this.#select = select;
    this.name = `${kind}:${files.path}${select === undefined ? "" : `:${select}`}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files[Symbol.asyncDispose]();
  }

  async subject(platform: Platform | undefined, signal: AbortSignal | undefined): Promise<Descriptor> {
    await checkMarker(this.files);
    const select = this.#select;
    const { value } = await readIndex(this.files);
    if (platform !== undefined) {
      const { entry } = await chooseManifest(this.files, value, { select, platform, strict: true, signal });
      return bare(entry);
    }
    const [entry, ...others] = await chooseEntries(this.files, value, select);
    if (others.every(({ digest }) => digest === entry!.digest)) return bare(entry!);
    throw new VarveError(
      "IMAGE_NOT_FOUND",
      `${this.name} has an image for each of several platforms and no index over them; say for which platform`,
    );
  }

  async referrers(subject: Digest, { artifactType, signal }: ReferrersQuery): Promise<readonly Descriptor[]> {
    const tagged = await this.tagged(referrersTag(subject), signal);
    const listed = tagged && referrersIndex(tagged, `${referrersTag(subject)} in ${this.name}`);
    const found = new Map<string, Descriptor>();
    for (const entry of listed?.value.manifests ?? []) found.set(entry.digest, entry);
    const { manifests } = (await readIndex(this.files)).value;
    checkCount(manifests.length, `index.json in ${this.files.path}`);
    for (const each of manifests) {
      signal?.throwIfAborted();
      const known =
        isIndexType(each.mediaType) || isManifestType(each.mediaType) ? await this.#learn(each) : undefined;
      if (known?.subject === subject) found.set(each.digest, known.entry);
    }
    return ofType([...found.values()], artifactType);
  }

  async #learn(entry: Descriptor): Promise<{ subject: Digest | undefined; entry: Descriptor }> {
    const known = this.#known.get(entry.digest);
    if (known !== undefined) return known;
    const { document } = await readDocument(this.files, entry);
    const learnt = { subject: document.value.subject?.digest, entry: referrerEntry(document) };
    this.#known.set(entry.digest, learnt);
    return learnt;
  }

  async document(descriptor: Descriptor): Promise<ManifestOrIndex> {
    return await readDocument(this.files, descriptor);
  }

  async tagged(tag: string, _signal: AbortSignal | undefined): Promise<ManifestOrIndex | undefined> {
    const entry = entryOf((await readIndex(this.files)).value, tag);
    return entry && (await readDocument(this.files, entry));
  }

  blob(descriptor: Descriptor, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    return layoutBlob(this.files, descriptor).open(signal);
  }
}

class LayoutReferrers extends Referrers implements ReferrerStore {
  #store: Promise<LayoutStore> | undefined;

  constructor(path: string, select: string | undefined) {
    super(new LayoutFolder(path), { kind: "oci", select });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    const store = await this.#store?.catch(() => undefined);
    await store?.[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }

  readonly blobs: BlobStore = {
    has: async (blob) => await (await this.#writable()).has(blob),
    put: async (blob, signal) => await (await this.#writable()).put(blob, signal),
  };

  async put(document: ReferrerDocument, { tag, signal }: PutOptions): Promise<void> {
    await storeBytes(this.blobs, document, signal);
    if (tag === undefined) return;
    const { mediaType, digest, size } = document.descriptor;
    const entry = { mediaType, digest, size, annotations: { [REF_NAME]: tag } };
    await this.#update(async (index) => withEntries(index, [entry]), signal);
  }

  async putReferrers(
    subject: Digest,
    documents: readonly ReferrerDocument[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (const document of documents) await storeBytes(this.blobs, document, signal);
    const entries = documents.map(referrerEntry);
    await this.#update(
      async (index) =>
        withEntries(await this.#withTagged(index, subject, { entries, signal }), entries.map(unnamed)),
      signal,
    );
  }

  /** The index whose list at the subject's tag has these entries, too, if there is such a list. */
  async #withTagged(
    index: ImageIndex,
    subject: Digest,
    { entries, signal }: { entries: readonly Descriptor[]; signal: AbortSignal | undefined },
  ): Promise<ImageIndex> {
    const tag = referrersTag(subject);
    const entry = entryOf(index, tag);
    if (entry === undefined) return index;
    const what = `${tag} in ${this.name}`;
    const present = referrersIndex(await readDocument(this.files, entry), what);
    const list = withReferrers(present.value, entries);
    if (list === undefined) return index;
    const document = encodeReferrers(list, what);
    await storeBytes(this.blobs, document, signal);
    const { annotations } = entry;
    return withEntries(index, [{ ...document.descriptor, ...(annotations && { annotations }) }]);
  }

  async #update(
    change: (index: ImageIndex) => Promise<ImageIndex>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const store = await this.#writable();
    await store.updateIndex(async (layout, isThere) => {
      const index = isThere ? (await readIndex(layout)).value : emptyIndex();
      return encodeDocument(await change(index), MediaType.ociIndex).bytes;
    }, signal);
  }

  async #writable(): Promise<LayoutStore> {
    this.#store ??= LayoutStore.open(this.files.path);
    return await this.#store;
  }
}

/** The entry that has a tag. */
function entryOf({ manifests }: ImageIndex, tag: string): Descriptor | undefined {
  return manifests.find(({ annotations }) => annotations?.[REF_NAME] === tag);
}

/** An entry without annotations that would name an image: a stranger wrote them. */
function unnamed(entry: Descriptor): Descriptor {
  const { [REF_NAME]: _tag, [CONTAINERD_NAME]: _name, ...others } = entry.annotations ?? {};
  const { annotations: _all, ...rest } = entry;
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
