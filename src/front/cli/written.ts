/** Reports images that have been written. */
import type { WriteProgress, Written } from "#app";
import { printJson, say } from "./output.ts";
import { Progress } from "./progress.ts";

export interface WrittenOptions {
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Runs an operation that writes an image, with progress on stderr; then says where the image is, or prints that as JSON. */
export async function tellWritten(
  write: (onProgress: (progress: WriteProgress) => void) => Promise<readonly Written[]>,
  { quiet = false, json = false, several = false }: WrittenOptions & { readonly several?: boolean },
): Promise<void> {
  const progress = new Progress({ quiet, several });
  const written = await write(progress.report);
  progress.finish();
  if (json) await printJson(written);
  else if (!quiet) {
    for (const { destination, names, digest } of written) {
      say(`Wrote ${names.join(", ") || "the image"} to ${destination}: ${digest}`);
    }
  }
}
