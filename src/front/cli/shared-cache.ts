/** The cache that a fleet of machines shares through a registry. */
import type { Command } from "commander";
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import { parseReference, type Reference } from "#oci";
import type { RegistryClient } from "#registry";
import { pullCacheIndex, pushCacheIndex, type Transports } from "#transports";
import { list } from "./options.ts";

/** Adds the options that say where the shared cache is. */
export function sharedCacheOptions(command: Command): Command {
  return command
    .option(
      "--cache-from <reference>",
      "begin with digests that others keep in a registry, and check them; may be given several times",
      list,
    )
    .option(
      "--cache-to <reference>",
      "add the digests of this build to a registry; may be given several times",
      list,
    );
}

interface SharedCacheOptions {
  readonly cache: DigestCache | undefined;
  readonly signal: AbortSignal;
  readonly onWarning: (sentence: string) => void;
}

/** Adds what registries claim to the cache. */
export async function pullCaches(
  transports: Transports,
  references: readonly string[] | undefined,
  options: SharedCacheOptions,
): Promise<void> {
  await withEach(transports, references, (client, reference) =>
    pullCacheIndex(client, { ...options, reference, cache: needed(options.cache) }),
  );
}

/** Adds what the cache knows to registries. */
export async function pushCaches(
  transports: Transports,
  references: readonly string[] | undefined,
  options: SharedCacheOptions,
): Promise<void> {
  await withEach(transports, references, (client, reference) =>
    pushCacheIndex(client, { ...options, reference, cache: needed(options.cache) }),
  );
}

async function withEach(
  transports: Transports,
  references: readonly string[] = [],
  work: (client: RegistryClient, reference: Reference) => Promise<unknown>,
): Promise<void> {
  for (const text of references) {
    const reference = referenceOf(text);
    await work(await transports.client(reference.registry), reference);
  }
}

function referenceOf(text: string): Reference {
  return parseReference(text.replace(/^docker:\/\//, ""));
}

function needed(cache: DigestCache | undefined): DigestCache {
  if (cache !== undefined) return cache;
  throw new VarveError("USAGE", "--cache-from and --cache-to need the cache that --no-cache does without");
}
