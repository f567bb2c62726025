/** Digest caches that a fleet of machines shares through a registry. */
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import { parseReference, type Reference } from "#oci";
import type { RegistryClient } from "#registry";
import { pullSharedCache, pushSharedCache } from "#transports";
import type { Machine, Operation } from "./machine.ts";

interface SharedCacheOptions extends Pick<Operation, "machine" | "signal"> {
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** Has the cache ask others in registries for what it doesn't know. */
export async function pullCaches(
  references: readonly string[],
  options: SharedCacheOptions & { readonly trustBases?: boolean | undefined },
): Promise<void> {
  const { machine, signal, onNote, trustBases } = options;
  await withEach(machine, references, (client, { reference, cache }) =>
    pullSharedCache(client, { reference, cache, signal, onNote, trustBases }),
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
    const reference = parseReference(text.replace(/^docker:\/\//, ""));
    await work(await transports.client(reference.registry), { reference, cache });
  }
}
