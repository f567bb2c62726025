/** Digest caches that a fleet of machines shares through a registry. */
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import { parseReference, type Reference } from "#oci";
import type { RegistryClient } from "#registry";
import {
  type PrunedSharedCache,
  type PruneSharedCacheOptions,
  pruneSharedCache,
  pullSharedCache,
  pushSharedCache,
} from "#transports";
import type { BuildOptions } from "./build.ts";
import { type Machine, type Operation, type OperationOptions, operate } from "./machine.ts";

interface SharedCacheOptions extends Pick<Operation, "machine" | "signal"> {
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** Has the cache ask others in registries for what it doesn't know. */
export async function pullCaches(
  references: readonly string[],
  options: SharedCacheOptions & Pick<BuildOptions, "trustCachedBases" | "trustCachedLayers">,
): Promise<void> {
  const { machine, signal, onNote, trustCachedBases: trustBases, trustCachedLayers: trustLayers } = options;
  await withEach(machine, references, (client, { reference, cache }) =>
    pullSharedCache(client, { reference, cache, signal, onNote, trustBases, trustLayers }),
  );
}

/** Adds to registries what this build has used of the cache. */
export async function pushCaches(references: readonly string[], options: SharedCacheOptions): Promise<void> {
  const { machine, signal, onNote } = options;
  await withEach(machine, references, (client, { reference, cache }) =>
    pushSharedCache(client, { reference, cache, signal, onNote }),
  );
}

async function withEach(
  { transports, cache }: Machine,
  references: readonly string[],
  work: (client: RegistryClient, index: { reference: Reference; cache: DigestCache }) => Promise<unknown>,
): Promise<void> {
  for (const text of references) {
    if (cache === undefined) {
      throw new VarveError(
        "USAGE",
        "--cache-from and --cache-to need the cache that --no-cache does without",
      );
    }
    const reference = cacheReference(text);
    await work(await transports.client(reference.registry), { reference, cache });
  }
}

/** Which entries of a shared cache stay. */
export interface PruneCacheOptions
  extends OperationOptions,
    Pick<PruneSharedCacheOptions, "maxAge" | "maxEntries"> {
  /** Repositories of the same registry, as references name them: what is said of a blob that none of them has is left out. */
  readonly blobsIn?: readonly string[] | undefined;
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/**
 * Leaves out of a shared cache what nobody has used for long.
 * @throws VarveError `IMAGE_NOT_FOUND` where there is none, `USAGE` where there is something else or a repository is of another registry, and
 *   what talking to the registry throws
 */
export async function pruneCache(text: string, options: PruneCacheOptions = {}): Promise<PrunedSharedCache> {
  const { maxAge, maxEntries, blobsIn = [], onNote } = options;
  return await operate(options, async ({ machine, signal }) => {
    const reference = cacheReference(text);
    const repositories = blobsIn.map((name) => {
      const { registry, repository } = parseReference(name);
      if (registry === reference.registry) return repository;
      throw new VarveError("USAGE", `${name} is in another registry than the cache in ${text}`);
    });
    return await pruneSharedCache(await machine.transports.client(reference.registry), {
      reference,
      now: machine.now().getTime(),
      ...{ maxAge, maxEntries, blobsIn: repositories, onNote, signal },
    });
  });
}

function cacheReference(text: string): Reference {
  return parseReference(text.replace(/^docker:\/\//, ""));
}
