import { type BlobKey, type DigestCache, WORTH_ASKING } from "#cache";
import { type CompressionChoice, compressorOf } from "#compress";
import type { Layer } from "#image";
import { annotationsShape, type Descriptor } from "#oci";
import { asBuffer } from "#util";
import type { KnownBlobs } from "#write";

/** For sinks: what the digest cache knows about layers that were compressed before. */
export function knownBlobs(cache: DigestCache): KnownBlobs {
  return {
    get(layer, choice) {
      const key = blobKey(layer, choice);
      const blob = key && cache.blob(key);
      if (blob === undefined) return undefined;
      const { digest, size } = blob;
      if (choice.algorithm !== "zstd:chunked") return { digest, size };
      const annotations = annotationsOf(cache.facts(["annotations", digest]));
      return annotations && { digest, size, annotations };
    },
    get claims() {
      return cache.claims;
    },
    async claimed(layer, choice) {
      const key = blobKey(layer, choice);
      if (key === undefined) return undefined;
      if (layer.descriptor.size > WORTH_ASKING) await cache.askForBlob(key);
      const blob = cache.claimedBlob(key);
      if (blob === undefined) return undefined;
      const { digest, size, believed } = blob;
      // What a descriptor says besides follows from the bytes, and only whoever makes them knows it.
      return { digest, size, ...(believed && choice.algorithm !== "zstd:chunked" && { believed }) };
    },
    put(layer, choice, { digest, size, annotations }) {
      const key = blobKey(layer, choice);
      if (key === undefined) return;
      if (annotations !== undefined) {
        cache.putFacts(["annotations", digest], Buffer.from(JSON.stringify(annotations)));
      }
      cache.putBlob(key, { digest, size, portable: layer.portable ?? false });
    },
    drop(layer, choice) {
      const key = blobKey(layer, choice);
      if (key !== undefined) cache.dropBlob(key);
    },
  };
}

function blobKey({ diffId }: Layer, choice: CompressionChoice): BlobKey | undefined {
  const { algorithm, level } = choice;
  const library = compressorOf(choice);
  if (algorithm === "none" || library === undefined) return undefined;
  return { diffId, algorithm, level, library };
}

/** What a descriptor says of a blob, as it was kept; undefined if it wasn't, or can't be read. */
function annotationsOf(kept: Uint8Array | undefined): Descriptor["annotations"] | undefined {
  if (kept === undefined) return undefined;
  try {
    return annotationsShape.parse(JSON.parse(asBuffer(kept).toString()));
  } catch {
    return undefined;
  }
}
