/** Splits an image's root file system into layers anew, and writes it to places. */
import { VarveError } from "#errors";
import type { Image } from "#image";
import { parseReference } from "#oci";
import { chooseStrategy } from "#plan";
import { relayered } from "#relayer";
import type { ImageSpecInput } from "#spec";
import { Resources } from "#util";
import { destinationOf } from "./destination.ts";
import { writeLock } from "./lock-file.ts";
import { type OperationOptions, operate } from "./machine.ts";
import { described, openTargets, type Target, type WritingOptions, type Written, writeTo } from "./places.ts";
import type { SourceListener } from "./source.ts";
import { openSpecImages } from "./spec-images.ts";

/** How an image is split, and written. */
export interface RelayerOptions
  extends OperationOptions,
    WritingOptions,
    Pick<SourceListener, "onNote">,
    Pick<ImageSpecInput, "strategy" | "weights" | "layersFrom" | "lockFile"> {
  /**
   * The image that it is built on, whose layers stay as they are; `annotated` for the one that its own annotations name
   * (`org.opencontainers.image.base.name` and `.digest`).
   */
  readonly base?: string | undefined;
  /** How many layers it may have; 20 besides the base's unless given. */
  readonly maxLayers?: number | undefined;
  /** The time of all entries in new layers, in seconds since 1970; their own unless given. */
  readonly mtime?: number | undefined;
}

/** An image that was split. */
export interface RelayeredImage {
  /** The image as it is at each place, in their order. */
  readonly places: readonly Written[];
  /** The ids of the packages and folders that each new layer has. */
  readonly groups: readonly (readonly string[])[];
}

/**
 * Splits an image into layers by the packages that are in it: those of Debian, Alpine, RPM and Python, and `node_modules`; the rest
 * by folder. Its root file system stays the same, and its config but for layers and history. Update after update, a place that
 * has the last image gets those layers only that changed.
 * @param from - where the image is
 * @param to - where it is to be
 * @throws VarveError `USAGE` if it isn't built on the base that was named, or names none itself; `NO_LAYERS_LEFT`; `TOO_LARGE` for more than may be kept
 *   in a temporary file; what opening and reading images, and writing them, throw
 */
export async function relayer(
  from: string,
  to: Target | readonly Target[],
  options: RelayerOptions = {},
): Promise<RelayeredImage> {
  const { strategy = "steady", weights, layersFrom, lockFile, maxLayers, mtime, onNote } = options;
  return await operate(options, async (operation) => {
    const { machine, read, signal } = operation;
    const targets = [to].flat();
    const wanted = { strategy, weights, layersFrom, lockFile, sharedWith: [] };
    const destination = destinationOf(wanted, targets);
    await using resources = new Resources();
    const source = resources.use(await machine.transports.source(from));
    const image = await source.read(read);
    const fromImage = options.base === ANNOTATED ? annotatedBase(image, source.name) : options.base;
    const { base, lastImage } = resources.use(
      await openSpecImages(
        { ...wanted, fromImage, architecture: image.config.value.architecture },
        operation,
        { destination, onNote },
      ),
    );
    // A lock file may have several images' layouts.
    const name = image.names[0] ?? source.name;
    const chosen = await chooseStrategy(
      { ...wanted, name, layeringPipeline: undefined },
      { lastImage, signal },
    );
    const draft = resources.use(
      await relayered(image, {
        strategy: chosen.strategy,
        weights: chosen.weights,
        base: base && { image: base, name: fromImage! },
        ...{ maxLayers, mtime, signal },
        temporary: machine.temporary,
        maxSpool: machine.maxSpool,
      }),
    );
    const sinks = await openTargets(targets, machine);
    const places = (await writeTo(draft, { sinks, operation, options })).map(described);
    if (lockFile !== undefined) await writeLock(lockFile, new Map([[name, draft.layout]]), signal);
    return { places, groups: draft.groups };
  });
}

/** Asks for the base that an image's annotations name: OCI image specification, annotations.md. */
const ANNOTATED = "annotated";

/** Where the base is that an image names, by its digest. */
function annotatedBase({ manifest }: Image, source: string): string {
  const { annotations = {} } = manifest?.value ?? {};
  const name = annotations["org.opencontainers.image.base.name"];
  const digest = annotations["org.opencontainers.image.base.digest"];
  if (name !== undefined && digest !== undefined) {
    const { registry, repository } = parseReference(name);
    return `docker://${registry}/${repository}@${digest}`;
  }
  throw new VarveError(
    "USAGE",
    `${source} has no annotations that name its base; name it with --base, or take none`,
  );
}
