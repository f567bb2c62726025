import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { type ImageDraft, type Layer, newConfig } from "#image";
import { type Digest, digestOf, MediaType } from "#oci";
import { bytesSource } from "#util";

/** What a draft needs of a machine: one that stands still. */
export const STILL = {
  architecture: "amd64",
  now: new Date(0),
  path: process.env["PATH"] ?? "",
  temporary: tmpdir(),
} as const;

/** Bytes that follow from a seed, and don't compress well. */
export function seededBytes(seed: string, size: number): Buffer {
  return createHash("shake256", { outputLength: size }).update(seed).digest();
}

/** An uncompressed layer of some bytes. */
export function plainLayer(bytes: Uint8Array): Layer {
  const digest: Digest = digestOf(bytes);
  return {
    descriptor: { mediaType: MediaType.ociLayer, digest, size: bytes.length },
    diffId: digest,
    components: [],
    open: () => bytesSource(bytes).open(),
  };
}

/** An image with a layer for each seed. Its layers are no tar archives, which nobody who copies them minds. */
export function draftWith(
  seeds: readonly string[],
  size = 1000,
  names: readonly string[] = [],
): ImageDraft & { readonly list: readonly Layer[] } {
  const list = seeds.map((seed) => plainLayer(seededBytes(seed, size)));
  return {
    list,
    async *layers() {
      yield* list;
    },
    finish: (layers) => ({
      config: newConfig(
        {
          architecture: "amd64",
          created: "1970-01-01T00:00:01Z",
          config: {},
          baseHistory: [],
          baseLayers: 0,
        },
        layers,
      ),
      names,
    }),
  };
}
