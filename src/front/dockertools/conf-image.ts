/** The image that a conf asks for: as nixpkgs' stream, and at places. */
import {
  isDockerArchive,
  type Operation,
  type OperationOptions,
  openImages,
  operate,
  type Target,
  type WritingOptions,
  type Written,
  writeDraft,
} from "#app";
import type { SpoolLimit } from "#util";
import type { StreamConf } from "./conf.ts";
import { confDraft } from "./draft.ts";
import { streamConf } from "./stream.ts";

export interface StreamImageOptions extends OperationOptions {
  /** The name and tag that replace the conf's. */
  readonly repoTag?: string | undefined;
  /** Receives a line for each step, in the words of nixpkgs' script. */
  readonly onStep?: ((line: string) => void) | undefined;
}

/**
 * Hands the bytes of a conf's image archive to a writer: those of nixpkgs' script. A chunk's memory is used again.
 * @throws VarveError what opening the base and {@link streamConf} throw
 */
export async function streamImage(
  conf: StreamConf,
  write: (chunks: AsyncIterable<Uint8Array>) => Promise<void>,
  { repoTag, onStep, ...options }: StreamImageOptions = {},
): Promise<void> {
  await operate(options, async (operation) => {
    const { cache, maxSpool } = operation.machine;
    await using opened = await openImages(await basePlaces(conf, operation.machine), operation);
    const [base] = opened.images;
    await write(
      streamConf(conf, {
        ...(base === undefined ? {} : { base }),
        ...(repoTag === undefined ? {} : { repoTag }),
        cache,
        maxSpool,
        ...(onStep && { onStep }),
        ...(operation.signal && { signal: operation.signal }),
      }),
    );
  });
}

/** The base image's place; undefined for a docker-archive, from which nixpkgs' script keeps even the headers. */
async function basePlaces({ fromImage }: StreamConf, limit: SpoolLimit): Promise<string[]> {
  if (fromImage === undefined) return [];
  return (await isDockerArchive(fromImage, limit)) ? [] : [fromImage];
}

/**
 * Writes a conf's image to places. It has the same ID as its stream's.
 * @throws VarveError what opening the base, reading the store and the customisation layer, and writing throw
 */
export async function writeConfImage(
  conf: StreamConf,
  to: readonly Target[],
  options: OperationOptions & WritingOptions = {},
): Promise<Written[]> {
  return await operate(options, async (operation) => {
    const { cache } = operation.machine;
    await using opened = await openConfBase(conf, operation);
    const draft = await confDraft(conf, { base: opened.images[0], cache, compression: options.compression });
    return await writeDraft(draft, to, { operation, options });
  });
}

/** Opens a conf's base image, if there is one. */
export async function openConfBase({ fromImage }: Pick<StreamConf, "fromImage">, operation: Operation) {
  return await openImages(fromImage === undefined ? [] : [fromImage], operation);
}
