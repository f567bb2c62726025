/** Copies an image with what hangs on it. */
import { VarveError } from "#errors";
import { draftOf, type Image, type ImageSource } from "#image";
import {
  type Descriptor,
  type Digest,
  type ImageIndex,
  isAttestation,
  isIndexType,
  type RawDocument,
} from "#oci";
import { copyDocument, copyReferrers, type ReferrerSource, type ReferrerStore, readTree } from "#referrers";
import type { ImageSink } from "#write";
import type { CopyOptions } from "./copy.ts";
import { type Operation, operate } from "./machine.ts";
import { described, type Written, writeTo } from "./places.ts";
import { openSigned } from "./signatures/doors.ts";

/** An image that was copied with what hangs on it. */
export interface CopiedWithReferrers {
  /** The place, as people call it. */
  readonly destination: string;
  /** Of what the name means there: the image's manifest, or the index. */
  readonly digest: Digest;
  /** The index's entries; undefined for one image. */
  readonly manifests?: readonly Descriptor[];
  /** The image, or those that the index names, as they were written. */
  readonly images: readonly Written[];
  /** How many manifests hang on it there that were copied, or were there before. */
  readonly referrers: number;
}

/** How deeply indexes may be nested; nobody goes deeper. */
const MAX_INDEX_DEPTH = 4;

/**
 * Copies an image and all that hangs on it, whatever the places' ways to list that: signatures, attestations, SBOMs, and what hangs on
 * those. Of an index all images are copied, unless a platform is asked for. Every digest stays.
 * @param from - a registry, an OCI layout or an archive of one
 * @param to - a registry or an OCI layout
 * @throws VarveError `USAGE` for another kind of place, or a compression; what copying throws
 */
export async function copyWithReferrers(
  from: string,
  to: string,
  options: CopyOptions = {},
): Promise<CopiedWithReferrers> {
  if (options.compression !== undefined) {
    throw new VarveError(
      "USAGE",
      "what hangs on an image hangs on its digest, which another compression changes; leave one of the two out",
    );
  }
  return await operate(options, async (operation) => {
    const { transports } = operation.machine;
    const { signal, read } = operation;
    const opened = await openSigned(from, options.verify, operation);
    await using source = opened.source;
    await using hanging = await transports.referrerSource(opened.place, signal);
    await using store = await transports.referrerDestination(to);
    const sink = await transports.sink(to);
    const copying = new Copying({ source, hanging, store, sink }, { operation, options });
    const image = await source.read(read);
    const { index } = image;
    const descriptor = (read.strict === true ? undefined : index?.descriptor) ?? image.manifest?.descriptor;
    if (descriptor === undefined) throw new VarveError("INVALID_IMAGE", `${from} has no manifest`);
    if (index === undefined || read.strict === true) await copying.image(image);
    else {
      await copying.entries(index.value.manifests);
      await sink.writeIndex!(index as RawDocument<ImageIndex>, { signal, names: image.names });
    }
    const tree = await readTree(hanging, descriptor, signal);
    const { onWarning } = options;
    const referrers = await copyReferrers(tree, { from: hanging, to: store }, { onWarning, signal });
    return {
      destination: sink.name,
      digest: descriptor.digest,
      ...(descriptor === index?.descriptor && { manifests: index.value.manifests }),
      images: copying.images,
      referrers,
    };
  });
}

interface Places {
  readonly source: ImageSource;
  readonly hanging: ReferrerSource;
  readonly store: ReferrerStore;
  readonly sink: ImageSink;
}

class Copying {
  readonly images: Written[] = [];
  readonly #places: Places;
  readonly #how: { readonly operation: Operation; readonly options: CopyOptions };

  constructor(places: Places, how: { operation: Operation; options: CopyOptions }) {
    this.#places = places;
    this.#how = how;
  }

  /** Copies an image. It must stay what it is, or nothing would hang on it. */
  async image(image: Image, { untagged = false } = {}): Promise<void> {
    const { sink } = this.#places;
    const [written] = await writeTo(draftOf(image), { sinks: [sink], ...this.#how, untagged });
    const { digest } = written!.descriptor;
    if (digest !== image.manifest?.descriptor.digest) {
      throw new VarveError(
        "INVALID_IMAGE",
        `the image is stored at ${sink.name} with another digest, ${digest}, so what hangs on it can't be taken along`,
      );
    }
    this.images.push(described(written!));
  }

  /** Copies what an index names: images as images, all else as it is. */
  async entries(entries: readonly Descriptor[], depth = 0): Promise<void> {
    const { source, hanging, store } = this.#places;
    const { signal } = this.#how.operation;
    for (const entry of entries) {
      if (isAttestation(entry) || entry.artifactType !== undefined) {
        await copyDocument(entry, { from: hanging, to: store }, signal);
      } else if (!isIndexType(entry.mediaType)) {
        await this.image(await source.readEntry!(entry, signal), { untagged: true });
      } else {
        const { document, kind } = await hanging.document(entry, signal);
        if (kind !== "index" || depth >= MAX_INDEX_DEPTH) {
          throw new VarveError(
            "INVALID_MANIFEST",
            `${source.name} has indexes in indexes, more than ${MAX_INDEX_DEPTH} deep`,
          );
        }
        await this.entries(document.value.manifests, depth + 1);
        await store.put(document, { signal });
      }
    }
  }
}
