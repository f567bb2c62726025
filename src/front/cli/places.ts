/** What the commands that name places have in common: their options, and what opens the places. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Machine, thisMachine } from "#app";
import { type CompressionChoice, MOST_LEVELS } from "#compress";
import { readWhole } from "#util";
import type { CacheOptions } from "./cache-options.ts";
import { interruptSignal } from "./interrupt.ts";
import { byteCount, list, seconds } from "./options.ts";

export interface PlaceOptions {
  readonly platform?: string;
  readonly insecure?: true;
  readonly cacert?: string;
  /** In seconds. */
  readonly timeout?: number;
  readonly trustRealm?: readonly string[];
  readonly maxSpool?: number;
}

/** The help that explains how places are named. */
const PLACES_HELP = `
Places:
  docker-archive:PATH[:REF]  what docker save and docker load use
  oci:DIR[:TAG]              an OCI image layout, a folder
  oci-archive:PATH[:TAG]     the same as a tar archive
  docker://REF               an image in a registry
  docker-daemon:REF          an image in the Docker daemon
A bare path is recognised by its content; a bare reference means a registry.`;

/** Adds the options for reaching places. */
export function placeOptions(
  command: Command,
  platformHelp = "which image of several (default: linux on this machine's architecture)",
): Command {
  const platform = command.option("--platform <os/arch[/variant]>", platformHelp);
  return registryOptions(platform)
    .option(
      "--max-spool <size>",
      "how much a compressed archive, one from a pipe, or a base image may take in temporary files, such as 100GB (default: 32GB)",
      byteCount,
    )
    .addHelpText("after", PLACES_HELP);
}

/** Adds the options for talking to registries. */
export function registryOptions(command: Command): Command {
  return command
    .option("--insecure", "allow http to registries on other machines")
    .option("--cacert <file>", "certificates to trust in addition to the system's, in PEM")
    .option(
      "--timeout <seconds>",
      "how long to wait for a registry: for a connection, for an answer, and for each 64 KiB of what is sent or received (default: 30, 300 and 60)",
      seconds,
    )
    .option(
      "--trust-realm <host[:port]>",
      "also send a registry's credentials to this token server (realm) that it names; may be given several times",
      list,
    );
}

const COMPRESSIONS = ["none", "gzip", "zstd", "zstd:chunked", "zstd-pinned"];

/** Adds the option that says how layers are compressed. */
export function compressionOption(command: Command): Command {
  const option = new Option(
    "--compression <name[:level]>",
    "how layers are compressed; podman fetches single files of zstd:chunked, and zstd-pinned is the same with each Node.js",
  );
  // A name may have a level behind it.
  return command.addOption(option.choices(COMPRESSIONS).argParser(compression));
}

/** What a command's operation works with. */
export interface CommandOperation {
  readonly machine: Machine;
  readonly platform: string | undefined;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** Runs a command's operation on this machine, used as its options say, and closes all connections after it. */
export async function onMachine<T>(
  { platform, insecure, cacert, timeout, trustRealm, maxSpool, cache, cacheDir }: PlaceOptions & CacheOptions,
  work: (operation: CommandOperation) => Promise<T>,
): Promise<T> {
  const signal = interruptSignal();
  const ca =
    cacert === undefined ? [] : [(await readWhole(cacert, { limit: MAX_CERTIFICATES, signal })).toString()];
  await using machine = thisMachine({
    insecure,
    ca,
    timeout,
    trustedRealms: trustRealm,
    maxSpool,
    cache: cache === false ? false : cacheDir,
  });
  return await work({ machine, platform, signal });
}

/** More bytes than all of the system's certificates have. */
const MAX_CERTIFICATES = 16 * 1024 * 1024;

function compression(text: string): CompressionChoice {
  const [, algorithm, digits] = /^(none|gzip|zstd(?::chunked|-pinned)?)(?::(\d{1,2}))?$/.exec(text) ?? [];
  if (algorithm !== undefined) {
    const choice = { algorithm: algorithm as CompressionChoice["algorithm"] };
    if (digits === undefined) return choice;
    const level = Number(digits);
    if (choice.algorithm !== "none" && level >= 1 && level <= MOST_LEVELS[choice.algorithm])
      return { ...choice, level };
  }
  throw new InvalidArgumentError(
    "It must be none, gzip, zstd, zstd:chunked or zstd-pinned, with a level if wanted, such as zstd:9.",
  );
}
