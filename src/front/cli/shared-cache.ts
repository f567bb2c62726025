/** The options that share the digest cache through a registry. */
import type { Command } from "commander";
import { list } from "./options.ts";

/** Adds the options that say where the shared cache is. */
export function sharedCacheOptions(command: Command): Command {
  return command
    .option(
      "--cache-from <reference>",
      "start with digests that others keep in a registry, and check them; may be given several times",
      list,
    )
    .option(
      "--trust-cached-bases",
      "believe what --cache-from says of the base, so that it isn't pulled to be looked at: nothing checks that",
    )
    .option(
      "--trust-cached-layers",
      "believe what --cache-from says of how layers are compressed, so that those which are there aren't: only what compares diff IDs, as varve validate does, sees whether it is so",
    )
    .option(
      "--cache-to <reference>",
      "add the digests of this build to a registry; may be given several times",
      list,
    );
}
