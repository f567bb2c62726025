/** What a spec asks for once its base is known, for the platform that is asked for. */
import type { Libc } from "#draft";
import type { PlanOptions } from "#plan";
import type { ImageSpec, SpecFields } from "#spec";
import { Resources } from "#util";
import type { Operation } from "./machine.ts";
import { checkBase, platformReader, specForPlatform } from "./platform.ts";
import { type SourceListener, type SpecSource, sourceOnBase } from "./source.ts";
import { openSpecImages, type SpecImages } from "./spec-images.ts";

export interface SpecOnBaseOptions extends SourceListener {
  /** The C library that packages are chosen for, instead of the base's. */
  readonly libc?: Libc | undefined;
  /** The place where the image is going to be, for a spec whose `layersFrom` is "destination". */
  readonly destination?: string | undefined;
}

/** A whole spec. Disposing of it closes the images that it names, and removes packages that were installed for it alone. */
export interface SpecOnBase extends SpecImages {
  readonly spec: ImageSpec;
  /** The same as people write it. */
  readonly fields: SpecFields;
  readonly leftOut: NonNullable<PlanOptions["leftOut"]>;
  readonly readGraph: NonNullable<PlanOptions["readGraph"]>;
}

/**
 * Opens the images that a spec names, and says what it asks for on its base, for the operation's platform if it asks for one.
 * @throws VarveError `USAGE`, `UNSUPPORTED_PLATFORM`, and what opening and reading images throws
 */
export async function openOnBase(
  source: SpecSource,
  operation: Operation,
  options: SpecOnBaseOptions,
): Promise<SpecOnBase> {
  await using resources = new Resources();
  const images = await openSpecImages(specForPlatform(source.spec, operation), operation, options);
  const { base, lastImage, sharedImages } = resources.use(images);
  await checkBase(base, operation);
  const { spec: own, fields, leftOut } = sourceOnBase(source, base, options);
  const spec = specForPlatform(own, operation);
  const { libc, onNote } = options;
  const reader = resources.use(platformReader(spec, base, { operation, libc, onNote }));
  const opened = resources.move();
  return {
    ...{ base, lastImage, sharedImages, spec, fields },
    leftOut: (graph) => leftOut(reader.asInstalled(graph)),
    readGraph: reader.readGraph,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
