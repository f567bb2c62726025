/** What is to be written down of images as they are built. It is known without loading what writes it. */
import { type ImageDraft, isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import type { Digest } from "#oci";
import type { SbomFormat } from "./formats.ts";

/** Who makes an image. */
export interface ProvenanceOptions {
  /** An URI that says whom to trust; by default what the build system that this runs in says of itself. */
  readonly builder?: string | undefined;
}

/** What is to be attached to an image that is built. */
export interface AttestOptions {
  /** What it is made of, in these formats. */
  readonly sbom?: readonly SbomFormat[] | undefined;
  /** How it was made: SLSA provenance v1. */
  readonly provenance?: ProvenanceOptions | undefined;
}

/** A document about an image. */
export interface ImageDocument {
  readonly kind: SbomFormat | "provenance";
  /** Of the image's manifest, or where a place has none of its config. */
  readonly subject: Digest;
  /** Of the document: that of an in-toto statement for provenance. */
  readonly mediaType: string;
  /** What statements call such a document. */
  readonly predicateType: string;
  readonly bytes: Uint8Array;
}

/** A draft whose layers are there to be read again once they are written. */
export function keepingLayers<T extends ImageDraft>(draft: T): { draft: ImageDraft; layers: () => Layer[] } {
  let kept: (Layer | UnmeasuredLayer)[] = [];
  const keep = async function* <L extends Layer | UnmeasuredLayer>(layers: AsyncIterable<L>) {
    kept = [];
    for await (const layer of layers) {
      kept.push(layer);
      yield layer;
    }
  };
  const { unmeasuredLayers } = draft;
  return {
    draft: {
      layers: (signal) => keep(draft.layers(signal)),
      ...(unmeasuredLayers && { unmeasuredLayers: (signal) => keep(unmeasuredLayers.call(draft, signal)) }),
      finish: (layers) => draft.finish(layers),
    },
    layers: () => kept.map((layer) => (isUnmeasured(layer) ? layer.measured() : layer)),
  };
}

/** Whether anything is to be written down. */
export function wantsDocuments({ sbom = [], provenance }: AttestOptions): boolean {
  return sbom.length > 0 || provenance !== undefined;
}
