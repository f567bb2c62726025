/** Reads jobs and their results. */
import { VarveError } from "#errors";
import { checkSchema, parseJson, readWhole } from "#util";
import { jobKey } from "./key.ts";
import {
  type ImageJob,
  imageJobShape,
  type LayerJob,
  type LayerResult,
  layerJobShape,
  layerResultShape,
} from "./schema.ts";

/** More bytes than a job has of a layer with half a million files. */
const MAX_JOB_BYTES = 64 * 1024 * 1024;

async function readJson(path: string, signal: AbortSignal | undefined): Promise<unknown> {
  const bytes = await readWhole(path, { limit: MAX_JOB_BYTES, signal });
  return parseJson(bytes, { what: path, maxBytes: MAX_JOB_BYTES });
}

/**
 * Reads the job of a layer.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `TOO_LARGE`; `INVALID_JOB` if it isn't one, or was changed
 */
export async function readLayerJob(path: string, signal?: AbortSignal): Promise<LayerJob> {
  const job = checkSchema(layerJobShape, await readJson(path, signal), { code: "INVALID_JOB", what: path });
  if (jobKey(job) === job.key) return job;
  throw new VarveError("INVALID_JOB", `${path} was changed, or made by another version of varve; plan again`);
}

/** Reads the job of an image. @throws VarveError as {@link readLayerJob} */
export async function readImageJob(path: string, signal?: AbortSignal): Promise<ImageJob> {
  return checkSchema(imageJobShape, await readJson(path, signal), { code: "INVALID_JOB", what: path });
}

/** Reads what has become of a job. @throws VarveError as {@link readLayerJob} */
export async function readLayerResult(path: string, signal?: AbortSignal): Promise<LayerResult> {
  return checkSchema(layerResultShape, await readJson(path, signal), { code: "INVALID_JOB", what: path });
}

/** A result that came from elsewhere. @throws VarveError `INVALID_JOB`, `INVALID_JSON` */
export function parseLayerResult(bytes: Uint8Array, what: string): LayerResult {
  const value = parseJson(bytes, { what, maxBytes: MAX_JOB_BYTES });
  return checkSchema(layerResultShape, value, { code: "INVALID_JOB", what });
}

/** A job or a result as a file has it. */
export function jobText(value: LayerJob | ImageJob | LayerResult): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
