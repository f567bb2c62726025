/** Results of jobs in a registry: small artifacts whose tags are the jobs' keys, and which keep the layers' blobs there. */
import { VarveError } from "#errors";
import { JOB_VERSION, jobText, type LayerResult, parseLayerResult } from "#jobs";
import { digestOf, encodeDocument, type Manifest, MediaType, type Reference } from "#oci";
import type { RegistryClient } from "#registry";
import { bytesSource, collect } from "#util";

/** The artifact type in the manifest. */
const ARTIFACT_TYPE = "application/vnd.varve.layer-job.v1";

const RESULT_TYPE = "application/vnd.varve.layer-result.v1+json";

/** More bytes than a result has. */
const MAX_RESULT = 1024 * 1024;

/** Which repository results are kept in. */
export interface ResultsPlace {
  readonly client: RegistryClient;
  readonly registry: string;
  readonly repository: string;
  readonly signal: AbortSignal | undefined;
}

/** The tag by which a job's result is known. */
export function resultReference({ registry, repository }: ResultsPlace, key: string): Reference {
  return { registry, repository, tag: `${TAG_PREFIX}${key}` };
}

const TAG_PREFIX = "varve-layer-";

/** Whether a tag is that of a job's result, by its form. */
export function isResultTag(tag: string): boolean {
  return tag.startsWith(TAG_PREFIX) && /^[0-9a-f]{64}$/.test(tag.slice(TAG_PREFIX.length));
}

/**
 * The result of a job that was done before, with a blob that is still there; undefined if there is none.
 * @throws VarveError what asking the registry throws
 */
export async function findResult(place: ResultsPlace, key: string): Promise<LayerResult | undefined> {
  const { client, registry, repository, signal } = place;
  const reference = resultReference(place, key);
  const found = await client.getManifest({ reference, signal }).catch((error: unknown) => {
    if (error instanceof VarveError && error.code === "IMAGE_NOT_FOUND") return undefined;
    throw error;
  });
  if (found?.kind !== "manifest" || found.document.value.artifactType !== ARTIFACT_TYPE) return undefined;
  const { config, layers } = found.document.value;
  const what = `the result at ${registry}/${repository}:${reference.tag}`;
  const tooLarge = () => new VarveError("TOO_LARGE", `${what} is larger than any that varve writes`);
  if (config.size > MAX_RESULT) throw tooLarge();
  const bytes = await collect(
    client.getBlob({ repository, descriptor: config, signal }),
    MAX_RESULT,
    tooLarge,
  );
  const result = parseLayerResult(bytes, what);
  const [blob] = layers;
  const isOwn = result.key === key && blob?.digest === result.descriptor.digest && layers.length === 1;
  if (!isOwn) return undefined;
  const { digest, size } = blob;
  if ((await client.headBlob({ repository, digest, signal })) !== size) return undefined;
  return { ...result, repository: `${registry}/${repository}` };
}

/** Keeps the result of a job, whose blob is in the repository. */
export async function putResult(place: ResultsPlace, result: LayerResult): Promise<void> {
  const { client, repository, signal } = place;
  // Where it is follows from where it is found.
  const { varveJob = JOB_VERSION, kind, key, descriptor, diffId } = result;
  const bytes = Buffer.from(jobText({ varveJob, kind, key, descriptor, diffId }));
  const config = { mediaType: RESULT_TYPE, digest: digestOf(bytes), size: bytes.length };
  await client.uploadBlob({ descriptor: config, ...bytesSource(bytes) }, { repository, signal });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: ARTIFACT_TYPE,
    config,
    layers: [descriptor as Manifest["layers"][number]],
  };
  const document = encodeDocument(manifest, MediaType.ociManifest);
  await client.putManifest({
    reference: resultReference(place, key),
    bytes: document.bytes,
    mediaType: MediaType.ociManifest,
    signal,
  });
}
