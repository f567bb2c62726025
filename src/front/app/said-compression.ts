/** An image says how its layers were compressed, if somebody chose that: then it can be made again elsewhere. */
import { COMPRESSION_ANNOTATION, type CompressionChoice, compressionText } from "#compress";
import type { ImageDraft } from "#image";

/** What is said of a compression that was chosen; nothing of layers that aren't compressed. */
export function saidOf(compression: CompressionChoice | undefined): string | undefined {
  const isNone = compression === undefined || compression.algorithm === "none";
  return isNone ? undefined : compressionText(compression);
}

/** A draft whose manifest says it. */
export function saying(draft: ImageDraft, text: string | undefined): ImageDraft {
  if (text === undefined) return draft;
  return {
    ...draft,
    finish(layers) {
      const finished = draft.finish(layers);
      return { ...finished, annotations: { ...finished.annotations, [COMPRESSION_ANNOTATION]: text } };
    },
  };
}
