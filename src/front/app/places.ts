/** Writes images to places, which are given by their names or as sinks. */
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { CompressionChoice } from "#compress";
import type { ImageDraft } from "#image";
import type { Descriptor, Digest } from "#oci";
import { knownBlobs, parseDestination } from "#transports";
import {
  type ImageSink,
  type LayerOutcome,
  type LayerProgress,
  type WriteOptions,
  type WrittenImage,
  writeImage,
} from "#write";
import type { Machine, Operation } from "./machine.ts";

/** Where an image goes: a place by its name, such as `docker://localhost:5000/app:1` or `app.tar`, or a sink. */
export type Target = string | ImageSink;

/** A layer's progress at one of the places. */
export interface WriteProgress extends LayerProgress {
  /** The place's name in messages. */
  readonly destination: string;
}

/** Options of every operation that writes images. */
export interface WritingOptions {
  /** How layers are compressed that aren't; by default as each place has it. */
  readonly compression?: CompressionChoice | undefined;
  /** Called with a sentence when an image is at its place, but not of the use that was meant. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
  /** Called as layers get on, several times for each at each place. */
  readonly onProgress?: ((progress: WriteProgress) => void) | undefined;
  /** Gets a sentence about the way that a place took, such as that an engine was sent only what it lacks. */
  readonly onDetail?: ((sentence: string) => void) | undefined;
}

/** A layer as it is stored at a place. */
export interface WrittenLayer extends Descriptor {
  /** Whether it was written, was there already, or was mounted from another repository. */
  readonly outcome: LayerOutcome;
  /** The ids of the components that are in it; empty if they aren't known. */
  readonly components: readonly string[];
}

/** An image as it is at one of the places where it was written. */
export interface Written {
  /** The place, as people call it. */
  readonly destination: string;
  /** The names that it has there. */
  readonly names: readonly string[];
  /** Of its manifest, or where a place has none, such as a docker-archive, of its config. */
  readonly digest: Digest;
  /** Of its config: the image's ID. */
  readonly config: Digest;
  /** From the bottom up, the base's first, as they are stored there. */
  readonly layers: readonly WrittenLayer[];
}

/**
 * Opens what targets name.
 * @throws VarveError `USAGE`, `INVALID_REFERENCE`
 */
export async function openTargets(targets: readonly Target[], { transports }: Machine): Promise<ImageSink[]> {
  const sinks: ImageSink[] = [];
  for (const target of targets) {
    sinks.push(typeof target === "string" ? await transports.sink(target) : target);
  }
  return sinks;
}

/**
 * The files and folders, absolute, that targets write to, which therefore aren't part of an image of the same folder. Folders above them
 * that hold nothing else are among them: the first build makes these, and the next one must give the same image.
 */
export async function outputPaths(targets: readonly Target[]): Promise<string[]> {
  const places = await Promise.all(
    targets.filter((target) => typeof target === "string").map(parseDestination),
  );
  const paths = new Set(places.flatMap((place) => ("path" in place ? [resolve(place.path)] : [])));
  // It grows while it is gone through.
  for (const path of paths) {
    const folder = dirname(path);
    const names = await readdir(folder).catch(() => []);
    if (names.every((name) => paths.has(join(folder, name)))) paths.add(folder);
  }
  return [...paths];
}

/** What writing an image takes. */
export interface Writing {
  readonly sinks: readonly ImageSink[];
  readonly operation: Operation;
  readonly options: WritingOptions;
  /** True for images that an index will name, and nothing else. */
  readonly untagged?: boolean;
  readonly examine?: WriteOptions["examine"];
}

/** Writes an image to all sinks, with what the cache knows. */
export async function writeTo(draft: ImageDraft, writing: Writing): Promise<WrittenImage[]> {
  const { sinks, operation, options, untagged = false, examine } = writing;
  const { cache } = operation.machine;
  const { compression, onProgress, onWarning, onDetail } = options;
  return await writeImage(draft, sinks, {
    compression,
    onWarning,
    known: cache && knownBlobs(cache),
    untagged,
    examine,
    onDetail,
    signal: operation.signal,
    ...(onProgress && {
      onProgress: (sink, progress) => onProgress({ ...progress, destination: sink.name }),
    }),
  });
}

/** Writes an image to places, and returns the results. */
export async function writeDraft(
  draft: ImageDraft,
  to: readonly Target[],
  { operation, options }: Pick<Writing, "operation" | "options">,
): Promise<Written[]> {
  const sinks = await openTargets(to, operation.machine);
  return (await writeTo(draft, { sinks, operation, options })).map(described);
}

/** What is reported about an image that was written. */
export function described({ sink, names, descriptor, config, layers }: WrittenImage): Written {
  return {
    destination: sink.name,
    names,
    digest: descriptor.digest,
    config: config.digest,
    layers: layers.map(({ descriptor, outcome, components }) => ({ ...descriptor, outcome, components })),
  };
}
