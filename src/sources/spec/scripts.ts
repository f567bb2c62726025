/** The fields of the spec that run programs while the image is built. */
import * as z from "zod";

const Script = z.union([z.string(), z.strictObject({ file: z.string().min(1) })], {
  error: 'must be a shell text, or { "file": … } with the path of one',
});

export const scriptFields = {
  runAsRoot: Script.optional().describe(
    "A script that runs as root inside the image, on top of the base's layers; what it changes becomes the layer. It runs before the others.",
  ),
  extraCommands: Script.optional().describe(
    "A script that runs in the last layer's root folder before that is packed.",
  ),
  fakeRootCommands: Script.optional().describe(
    "A script like extraCommands, which runs after it and as root: the image gets the owners and modes that it sets.",
  ),
  enableFakechroot: z
    .boolean()
    .default(false)
    .describe("Whether the last layer's root folder is / in fakeRootCommands."),
  network: z.boolean().default(false).describe("Whether scripts may use the network."),
  scriptTimeout: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe("How many seconds each script may take; by default there is no limit."),
  includeNixDB: z
    .boolean()
    .default(false)
    .describe("Adds the database from which Nix in the image knows its store paths."),
  layered: z
    .boolean()
    .default(true)
    .describe(
      "Whether components are divided into layers; otherwise everything that the base image doesn't have is in one layer, as with dockerTools' buildImage.",
    ),
} as const;

/** The fields that hold scripts; a file in one is relative to the spec's folder. */
export const SCRIPT_FIELDS = ["runAsRoot", "extraCommands", "fakeRootCommands"] as const;
