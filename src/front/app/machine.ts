/** What an operation needs of the world. This file alone looks at the machine that varve runs on, and only when it is asked to. */
import { homedir, tmpdir } from "node:os";
import { resolve } from "node:path";
import { cacheFolder, type DigestCache, openDigestCache } from "#cache";
import type { ReadOptions } from "#image";
import { type Platform, parsePlatform } from "#oci";
import { Transports } from "#transports";
import { ownChunks, type SpoolLimit } from "#util";
import type { Together } from "./bake/together.ts";
import { type KnownRun, runIn } from "./run.ts";

/** What an operation needs of the world. */
export interface Machine extends SpoolLimit {
  /** Opens the places that images are read from and written to. */
  readonly transports: Transports;
  /** Knows what was measured and compressed before; absent to work without a cache. */
  readonly cache?: DigestCache | undefined;
  /** The clock: what `"now"` in a spec means. */
  now(): Date;
  /** The platform for which images are made by default, and which is chosen from an index. */
  readonly platform: Platform;
  /** The base of projects that name none; `scratch` for none. Where it isn't there either, it follows from the project. */
  readonly base?: string | undefined;
  /** The home folder of who uses varve: its name in an image's files is a sign that they know this machine. */
  readonly home?: string | undefined;
  /** `PATH`, on which the programs are found that scripts and a Nix database need. */
  readonly path: string;
  /** What package managers are started with, when packages are installed for another platform; by default nothing but `PATH`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder in which temporary files and folders are made. */
  readonly temporary: string;
  /** The run of a build system that this is, if it is one that is known: what provenance says of the builder. */
  readonly run?: KnownRun | undefined;
  /**
   * What images have in common that are made together.
   * @internal
   */
  readonly together?: Together | undefined;
}

/** How this machine is used. */
export interface MachineOptions extends SpoolLimit {
  /** The folder of the digest cache, or false for none; `$VARVE_CACHE_DIR`, `$XDG_CACHE_HOME/varve` or `~/.cache/varve` unless given. */
  readonly cache?: string | false | undefined;
  /** Allows http to registries on other machines. */
  readonly insecure?: boolean | undefined;
  /** Certificates to trust in addition to the system's, in PEM. */
  readonly ca?: readonly string[] | undefined;
  /**
   * How long to wait for a registry, in seconds: for a connection, for an answer, and for each 64 KiB of what is sent or
   * received; 30, 300 and 60 unless given.
   */
  readonly timeout?: number | undefined;
  /** Token servers (realms), as HOST or HOST:PORT, that also get the credentials of registries which name them. */
  readonly trustedRealms?: readonly string[] | undefined;
}

/** This machine: its environment, clock and folders. Disposing of it closes its connections. */
export function thisMachine(options: MachineOptions = {}): Machine & AsyncDisposable {
  const { cache, insecure = false, ca = [], timeout, trustedRealms = [], maxSpool } = options;
  const transports = new Transports({
    env: process.env,
    home: homedir(),
    insecure,
    ca,
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
    trustedRealms: trustedRealms,
    maxSpool,
  });
  return {
    transports,
    cache: cache === false ? undefined : openCache(cache),
    now: () => new Date(),
    platform: { os: "linux", architecture: hostArchitecture() },
    base: process.env["VARVE_BASE"] || undefined,
    home: homedir(),
    path: process.env["PATH"] ?? "",
    environment: process.env,
    temporary: tmpdir(),
    maxSpool,
    run: runIn(process.env),
    [Symbol.asyncDispose]: () => transports[Symbol.asyncDispose](),
  };
}

/** Opens this machine's digest cache; nothing is read or made before it is needed. */
export function openCache(folder?: string): DigestCache {
  const path = folder === undefined ? cacheFolder(process.env, homedir()) : resolve(folder);
  return openDigestCache({ folder: path, now: Date.now });
}

/** Go's names for what Node calls differently. */
const ARCHITECTURES: Partial<Record<string, string>> = { x64: "amd64", ia32: "386" };

function hostArchitecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

/** Options of every operation. */
export interface OperationOptions {
  /** Where it runs; by default this machine. */
  readonly machine?: Machine | undefined;
  /** Such as `linux/arm64`: the operation fails if the image isn't for it. By default the machine's, which is only preferred. */
  readonly platform?: string | undefined;
  /** Ends the operation, which then throws `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** What an operation works with, once its options are known. */
export interface Operation {
  readonly machine: Machine;
  /** How images are read. */
  readonly read: ReadOptions;
  readonly signal: AbortSignal | undefined;
}

/** Runs an operation's work on the machine that it was given, or else on this one, whose connections are closed after it. */
export async function operate<T>(
  { machine, platform, signal }: OperationOptions,
  work: (operation: Operation) => Promise<T>,
): Promise<T> {
  const on = (chosen: Machine) =>
    work({ machine: chosen, read: readOptions(chosen, { platform, signal }), signal });
  if (machine !== undefined) return await on(machine);
  await using own = thisMachine();
  return await on(own);
}

/** As {@link operate}, for work that yields bytes while it runs. The caller may keep the chunks. */
export async function* operateStream(
  { machine, platform, signal }: OperationOptions,
  work: (operation: Operation) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const own = machine === undefined ? thisMachine() : undefined;
  try {
    const chosen = machine ?? own!;
    yield* ownChunks(work({ machine: chosen, read: readOptions(chosen, { platform, signal }), signal }));
  } finally {
    await own?.[Symbol.asyncDispose]();
  }
}

/** An operation for a platform that was asked for. */
export function operationFor(operation: Operation, platform: string): Operation {
  return { ...operation, read: readOptions(operation.machine, { platform, signal: operation.signal }) };
}

function readOptions({ platform: usual }: Machine, { platform, signal }: OperationOptions): ReadOptions {
  const wanted = platform === undefined ? usual : parsePlatform(platform);
  return { platform: wanted, strict: platform !== undefined, signal };
}
