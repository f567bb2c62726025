import type { BlobKey, DigestCache } from "#cache";
import type { CompressionChoice } from "#compress";
import type { Layer } from "#image";
import type { KnownBlobs } from "#write";

/** For sinks: what the digest cache knows about layers that were compressed before. */
export function knownBlobs(cache: DigestCache): KnownBlobs {
  return {
    get(layer, choice) {
      const key = blobKey(layer, choice);
      const blob = key && cache.blob(key);
      return blob && { digest: blob.digest, size: blob.size };
    },
    claimed(layer, choice) {
      const key = blobKey(layer, choice);
      const blob = key && cache.claimedBlob(key);
      return blob && { digest: blob.digest, size: blob.size };
    },
    put(layer, choice, { digest, size }) {
      const key = blobKey(layer, choice);
      if (key !== undefined) cache.putBlob(key, { digest, size, portable: layer.portable ?? false });
    },
    drop(layer, choice) {
      const key = blobKey(layer, choice);
      if (key !== undefined) cache.dropBlob(key);
    },
  };
}

function blobKey({ diffId }: Layer, { algorithm, level }: CompressionChoice): BlobKey | undefined {
  if (algorithm === "none") return undefined;
  const library = algorithm === "gzip" ? `zlib ${process.versions.zlib}` : `zstd ${process.versions["zstd"]}`;
  return { diffId, algorithm, level, library };
}
