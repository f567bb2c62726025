/** The platform that an image is made for, and the graph of a project's packages there. */
import { resolve } from "node:path";
import { type DigestCache, treesFolder, UNSETTLED } from "#cache";
import { basePlatform, type Libc } from "#draft";
import { VarveError } from "#errors";
import { type ManifestStore, type ReadGraphOptions, type ReferencesGraph, readGraph } from "#graph";
import type { Image } from "#image";
import { type PlatformGraph, readForPlatform } from "#install";
import { formatPlatform, matchPlatform, type Platform } from "#oci";
import type { KnownGraph } from "#plan";
import { findProgram } from "#sandbox";
import type { ImageSpec } from "#spec";
import { isFolder } from "#util";
import type { Operation } from "./machine.ts";

export interface PlatformOptions {
  /** The C library that packages are chosen for, instead of the base's. */
  readonly libc?: Libc | undefined;
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** Reads graphs for one image's platform; what these name can be read until it is disposed of. */
export interface PlatformReader extends Disposable {
  readGraph(path: string, options: ReadGraphOptions): Promise<KnownGraph>;
  /** A graph that was read as if all of it were installed in its project's folder. */
  asInstalled(graph: ReferencesGraph): ReferencesGraph;
}

/**
 * What a spec is for an operation that asks for a platform: for that one, whatever it says itself.
 * @throws VarveError `USAGE` for another system than Linux
 */
export function specForPlatform<T extends Pick<ImageSpec, "architecture">>(spec: T, { read }: Operation): T {
  if (read.strict !== true) return spec;
  const { os, architecture } = read.platform;
  if (os === "linux") return { ...spec, architecture };
  throw new VarveError(
    "USAGE",
    `varve builds images for linux, and not for ${formatPlatform(read.platform)}`,
  );
}

/**
 * Checks that a base is for the platform that was asked for, and its files for what its config says.
 * @throws VarveError `UNSUPPORTED_PLATFORM`; what reading its layers throws
 */
export async function checkBase(
  base: Image | undefined,
  { machine, read, signal }: Operation,
): Promise<void> {
  if (base === undefined || read.strict !== true) return;
  const { os, architecture, variant } = base.config.value;
  const offered: Platform = { os, architecture, ...(variant ? { variant } : {}) };
  if (matchPlatform(read.platform, offered) === undefined) {
    throw new VarveError(
      "UNSUPPORTED_PLATFORM",
      `${base.names[0] ?? "the base image"} is listed for ${formatPlatform(read.platform)}, and says itself that it is for ${formatPlatform(offered)}; take another base image, or one that was made right`,
    );
  }
  await basePlatform(base, { cache: machine.cache, signal });
}

/** What reads the graph of a spec's image on a base. */
export function platformReader(
  { architecture }: Pick<ImageSpec, "architecture">,
  base: Image | undefined,
  { operation, libc, onNote }: PlatformOptions & { readonly operation: Operation },
): PlatformReader {
  const { machine, read, signal } = operation;
  const { cache, path, temporary } = machine;
  const opened: PlatformGraph[] = [];
  const config = base?.config.value;
  const target = {
    os: config?.os || read.platform.os,
    architecture: architecture ?? config?.architecture ?? read.platform.architecture,
    libc,
  };
  return {
    async readGraph(place, { omitDev = false, ...options }) {
      const memo = machine.together?.memo;
      if (!isFolder(place)) return { graph: await readGraph(place, { omitDev, ...options, memo }) };
      const found = await readForPlatform(place, {
        platform: target,
        libc: async () => base && (await basePlatform(base, { cache, signal })).libc,
        omitDev,
        memo,
        nodeVersion: nodeVersion(base),
        programs: {
          find: (name) => findProgram(name, path),
          environment: { ...machine.environment, PATH: path },
          signal,
        },
        kept: cache && treesFolder(cache.folder),
        manifests: cache && manifestStore(cache, resolve(place)),
        temporary,
        now: machine.now().getTime(),
        onNote,
      });
      opened.push(found);
      return found;
    },
    asInstalled: (graph) => opened.reduce((part, each) => each.asInstalled(part), graph),
    [Symbol.dispose]() {
      for (const each of opened) each[Symbol.dispose]();
    },
  };
}

function manifestStore(cache: DigestCache, project: string): ManifestStore {
  const parts = ["manifests", project];
  return {
    get: () => cache.facts(parts),
    put: (bytes) => cache.putFacts(parts, bytes),
    settled: cache.now() - UNSETTLED,
  };
}

/** Docker's official images say it. */
function nodeVersion(base: Image | undefined): string | undefined {
  const entry = base?.config.value.config?.Env?.find((each) => /^NODE_VERSION=\d/.test(each));
  return entry?.slice("NODE_VERSION=".length);
}
