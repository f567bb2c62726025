import { VarveError } from "#errors";
import type { Image, ImageSource, KeptDocuments, ReadOptions } from "#image";
import {
  algorithmOf,
  checkIsImage,
  choosePlatform,
  type Descriptor,
  digestOf,
  formatReference,
  type ImageIndex,
  MAX_CONFIG_BYTES,
  type Manifest,
  type ManifestOrIndex,
  parseManifestOrIndex,
  type RawDocument,
  type Reference,
} from "#oci";
import { collect } from "#util";
import { assembleImage, checkPlatform } from "#write";
import type { RegistryClient } from "./client.ts";

/** How deeply indexes may be nested; nobody goes deeper. */
const MAX_INDEX_DEPTH = 4;

/** Which image of a registry is read. */
export interface RegistrySourceOptions {
  readonly client: RegistryClient;
  readonly reference: Reference;
}

/** Reads an image from a registry: OCI distribution specification, "Pull". */
export function registrySource({ client, reference }: RegistrySourceOptions): ImageSource {
  const name = formatReference(reference, "familiar");
  const readConfig = async (descriptor: Descriptor, { documents, signal }: Fetching): Promise<Uint8Array> => {
    const { repository } = reference;
    const kept = keptDocument(documents, descriptor);
    if (kept !== undefined) return kept;
    const bytes = await collect(
      client.getBlob({ repository, descriptor, signal }),
      MAX_CONFIG_BYTES,
      () => new VarveError("TOO_LARGE", `the config of ${name} has more than ${MAX_CONFIG_BYTES} bytes`),
    );
    documents?.put(descriptor.digest, bytes);
    return bytes;
  };
  const assemble = async ({ manifest, index }: FoundManifest, fetching: Fetching): Promise<Image> => {
    checkIsImage(manifest.value, name);
    const { registry, repository } = reference;
    const { config, layers } = manifest.value;
    for (const layer of layers) client.read.note(repository, layer);
    return assembleImage({
      manifest,
      index,
      config: await readConfig(config, fetching),
      blob: (descriptor) => ({
        open: (signal) => client.getBlob({ repository, descriptor, signal }),
      }),
      names: [name],
      what: name,
      origin: { registry, repository },
    });
  };
  return {
    name,
    async read(options) {
      const found = await findManifest(client, { reference, options });
      const image = await assemble(found, options);
      if (options.strict && found.index === undefined)
        checkPlatform(image, { platform: options.platform, what: name });
      return image;
    },
    async readEntry({ digest }, signal) {
      const { registry, repository } = reference;
      const found = await client.getManifest({ reference: { registry, repository, digest }, signal });
      if (found.kind === "manifest")
        return await assemble({ manifest: found.document, index: undefined }, { signal });
      throw new VarveError(
        "INVALID_MANIFEST",
        `${digest} of ${name} is an index where one manifest is wanted`,
      );
    },
    async [Symbol.asyncDispose]() {},
  };
}

type Fetching = Pick<ReadOptions, "documents" | "signal">;

interface FoundManifest {
  readonly manifest: RawDocument<Manifest>;
  /** The first of the indexes that led to it, if there was one. */
  readonly index: RawDocument<ImageIndex> | undefined;
}

interface Search {
  readonly reference: Reference;
  readonly options: ReadOptions;
}

/** Follows indexes to the manifest for the platform. */
export async function findManifest(
  client: RegistryClient,
  { reference, options: { platform, ...fetching } }: Search,
): Promise<FoundManifest> {
  const what = formatReference(reference, "familiar");
  let current = await client.getManifest({ reference, signal: fetching.signal });
  const index = current.kind === "index" ? current.document : undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    if (current.kind === "manifest") return { manifest: current.document, index };
    const descriptor = choosePlatform(current.document.value.manifests, { platform, what });
    current = await namedManifest(client, { reference, descriptor, ...fetching });
  }
  throw new VarveError(
    "INVALID_MANIFEST",
    `${what} has indexes in indexes, more than ${MAX_INDEX_DEPTH} deep`,
  );
}

interface Named extends Fetching {
  readonly reference: Reference;
  /** As an index has it. */
  readonly descriptor: Descriptor;
}

/** What an index names in its own repository. */
async function namedManifest(
  client: RegistryClient,
  { reference: { registry, repository }, descriptor, documents, signal }: Named,
): Promise<ManifestOrIndex> {
  const { digest, mediaType } = descriptor;
  const reference = { registry, repository, digest };
  const kept = keptDocument(documents, descriptor);
  if (kept !== undefined)
    return parseManifestOrIndex(kept, { what: formatReference(reference, "familiar"), mediaType, digest });
  const found = await client.getManifest({ reference, signal });
  // The registry may say another type than the index, and next time nobody would.
  if (found.document.descriptor.mediaType === mediaType) documents?.put(digest, found.document.bytes);
  return found;
}

/** A document that is kept, if it is the very one that a descriptor names. */
function keptDocument(
  documents: KeptDocuments | undefined,
  { digest, size }: Descriptor,
): Uint8Array | undefined {
  const kept = documents?.get(digest);
  const isIt = kept?.length === size && digestOf(kept, algorithmOf(digest)) === digest;
  return isIt ? kept : undefined;
}
