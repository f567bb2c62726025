/** The fields of the spec that run programs while the image is built. */
import * as z from "zod";

const Script = z.union([z.string(), z.strictObject({ file: z.string().min(1) })], {
  error: 'must be a shell text, or { "file": … } with the path of one',
});

/** A shell text, or the file that holds it. */
export type SpecScript = z.output<typeof Script>;

export const scriptFields = {
  runAsRoot: Script.optional().describe(
    "A script that runs as root inside of the image, on top of the base's layers; what it changes becomes the layer. It runs before the others.",
  ),
  extraCommands: Script.optional().describe(
    "A script that runs in the last layer's root folder before that is packed.",
  ),
  fakeRootCommands: Script.optional().describe(
    "A script like extraCommands, which runs after it and as root: the owners and modes that it gives count.",
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
    .describe("How many seconds each script may take; no limit unless given."),
  includeNixDB: z
    .boolean()
    .default(false)
    .describe("Adds the database by which Nix in the image knows the store paths that are there."),
  layered: z
    .boolean()
    .default(true)
    .describe(
      "Whether components are shared out to layers; else all that the base image hasn't is in one, as dockerTools' buildImage has it.",
    ),
} as const;

/** The fields that hold scripts; a file in one is relative to the spec's folder. */
export const SCRIPT_FIELDS = ["runAsRoot", "extraCommands", "fakeRootCommands"] as const;
