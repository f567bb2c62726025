/** Writes an image to places and tells of it. */

import type { DigestCache } from "#cache";
import type { CompressionChoice } from "#compress";
import type { ImageDraft } from "#image";
import { knownBlobs } from "#transports";
import type { ImageSink, WrittenImage } from "#write";
import { writeImage } from "#write";
import { printJson, say } from "./output.ts";
import { Progress } from "./progress.ts";

export interface TransferOptions {
  readonly compression?: CompressionChoice | undefined;
  readonly cache?: DigestCache | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Writes the image, with progress on stderr; then says where it is, or prints that as JSON. */
export async function transfer(
  draft: ImageDraft,
  sinks: readonly ImageSink[],
  { compression, cache, quiet = false, json = false, signal }: TransferOptions,
): Promise<void> {
  const progress = new Progress({ quiet, several: sinks.length > 1 });
  const written = await writeImage(draft, sinks, {
    compression,
    known: cache && knownBlobs(cache),
    signal,
    onProgress: progress.report,
  });
  progress.finish();
  if (json) await printJson(written.map(describe));
  else if (!quiet) {
    for (const { sink, names, descriptor } of written) {
      say(`Wrote ${names.join(", ") || "the image"} to ${sink.name}: ${descriptor.digest}`);
    }
  }
}

function describe({ sink, names, descriptor, config, layers }: WrittenImage) {
  return {
    destination: sink.name,
    names,
    digest: descriptor.digest,
    config: config.digest,
    layers: layers.map(({ descriptor, outcome }) => ({ ...descriptor, outcome })),
  };
}
