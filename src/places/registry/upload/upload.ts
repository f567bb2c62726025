import { type Descriptor, Digester, hashed } from "#oci";
import type { ByteSource } from "#util";
import { blobName, checkSaid, saidDigest } from "../download.ts";
import { isTransient, RegistryFailure } from "../http/failure.ts";
import { discard, type HttpResponse, type RequestBody, statusFailure, verified } from "../http/http.ts";
import { pushScope, type RegistryApi } from "../http/registry-api.ts";
import { counted, parts } from "./chunks.ts";
import {
  deleteUpload,
  headBlob,
  MAX_PART,
  nextLocation,
  startUpload,
  type UploadSession,
  uploadStatus,
  withDigest,
} from "./upload-session.ts";

/** A blob that is to be uploaded. */
export interface BlobUpload extends ByteSource {
  /** What the bytes are, if that is known before they are read. */
  readonly descriptor?: Pick<Descriptor, "digest" | "size"> | undefined;
}

/** How a blob is uploaded. */
export interface UploadOptions {
  readonly repository: string;
  /** An upload to use first, as a refused mount gives one. */
  readonly session?: UploadSession | undefined;
  /** Sends parts of this many bytes, with a request for each, instead of the whole blob in one. */
  readonly partSize?: number | undefined;
  /** Called with the bytes sent so far; begins again at the start of another attempt. */
  readonly onProgress?: ((sent: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What has arrived. */
export type Uploaded = Pick<Descriptor, "digest" | "size">;

/** The size of parts when a registry doesn't take the whole in one request. */
const DEFAULT_PART = 8 * 1024 * 1024;
/** Answers by which registries, or proxies in front of them, refuse a body for its form or size. */
const REFUSES_STREAM = new Set([400, 405, 411, 413, 416, 501]);
const REFUSES_WHOLE = new Set([411, 413]);

/** One blob's upload into one repository: its attempts, and the requests they are made of. */
export class Uploader {
  readonly #api: RegistryApi;
  readonly #blob: BlobUpload;
  readonly #options: UploadOptions;
  readonly #what: string;
  /** What the last attempt sent, once it has been read to its end. */
  #known: Uploaded | undefined;

  constructor(api: RegistryApi, blob: BlobUpload, options: UploadOptions) {
    this.#api = api;
    this.#blob = blob;
    this.#options = options;
    this.#known = blob.descriptor;
    this.#what =
      blob.descriptor === undefined
        ? `a blob for ${api.registry}/${options.repository}`
        : blobName(api, options.repository, blob.descriptor.digest);
  }

  /** Uploads the blob, in as many attempts as it takes; each is a new upload. */
  async run(): Promise<Uploaded> {
    const { signal } = this.#options;
    const { backoff } = this.#api.http;
    let partSize = this.#options.partSize;
    let begun = this.#options.session;
    for (let attempt = 1; ; attempt++) {
      let upload: UploadSession | undefined;
      let failure: RegistryFailure;
      try {
        upload = begun ?? (await startUpload(this.#api, this.#options));
        begun = undefined;
        return await this.#attempt(upload, partSize);
      } catch (error) {
        if (!(error instanceof RegistryFailure)) {
          await this.#abandon(upload);
          throw error;
        }
        failure = error;
      }
      if (isTransient(failure)) {
        // Perhaps only the last answer was lost, so a blob that has arrived isn't sent again.
        const arrived = await this.#arrived();
        if (arrived !== undefined) return arrived;
      }
      await this.#abandon(upload);
      const inParts = partSize === undefined && this.#wantsParts(failure);
      if (inParts) partSize = DEFAULT_PART;
      else if (!isTransient(failure) && !isLostUpload(failure)) throw failure;
      const delay = backoff.delay(attempt, failure.retryAfter);
      if (delay === undefined) throw failure;
      if (!inParts) await backoff.pause(delay, signal);
    }
  }

  /** Whether a registry that refused the whole in one request may take it in parts. */
  #wantsParts({ status, message }: RegistryFailure): boolean {
    const refusals = this.#blob.descriptor === undefined ? REFUSES_STREAM : REFUSES_WHOLE;
    return refusals.has(status ?? 0) && !message.includes("DIGEST_INVALID");
  }

  async #attempt(upload: UploadSession, partSize: number | undefined): Promise<Uploaded> {
    const { descriptor } = this.#blob;
    if (partSize !== undefined) return this.#sendParts(upload, Math.max(partSize, upload.minPart));
    return descriptor === undefined ? this.#sendStream(upload) : this.#sendWhole(upload, descriptor);
  }

  /** The blob's bytes, checked against what they should be if that is known. */
  #chunks(signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const { descriptor } = this.#blob;
    const chunks = this.#blob.open(signal);
    return descriptor === undefined ? chunks : verified(chunks, { ...descriptor, what: this.#what });
  }

  /** Everything in the request that ends the upload: OCI distribution specification, "POST then PUT". */
  async #sendWhole(upload: UploadSession, descriptor: Uploaded): Promise<Uploaded> {
    const { onProgress } = this.#options;
    const open = (signal?: AbortSignal) => counted(this.#chunks(signal), onProgress);
    return this.#finish(upload, descriptor, { open, length: descriptor.size });
  }

  /** One streamed request, hashed as it goes: OCI distribution specification, "Pushing a blob in chunks", with one chunk. */
  async #sendStream(upload: UploadSession): Promise<Uploaded> {
    const { onProgress } = this.#options;
    let digester = new Digester();
    const open = (signal?: AbortSignal) => {
      digester = new Digester();
      return counted(hashed(this.#chunks(signal), digester), onProgress);
    };
    const response = await this.#patch(upload, { open }, {});
    const sent = { digest: digester.digest(), size: digester.size };
    this.#known = sent;
    return this.#finish(nextLocation(response, upload, await this.#api.origin()), sent, undefined);
  }

  /** One request for each part: OCI distribution specification, "Pushing a blob in chunks". */
  async #sendParts(begun: UploadSession, size: number): Promise<Uploaded> {
    const { signal, onProgress } = this.#options;
    const digester = new Digester();
    let upload = begun;
    let offset = 0;
    for await (const part of parts(hashed(this.#chunks(signal), digester), Math.min(size, MAX_PART))) {
      upload = await this.#sendPart(upload, part, offset);
      offset += part.length;
      onProgress?.(offset);
    }
    const sent = { digest: digester.digest(), size: digester.size };
    this.#known = sent;
    return this.#finish(upload, sent, undefined);
  }

  /** Sends one part; after a broken connection, only what the registry says it lacks. */
  async #sendPart(begun: UploadSession, part: Uint8Array, start: number): Promise<UploadSession> {
    const { backoff } = this.#api.http;
    const origin = await this.#api.origin();
    let upload = begun;
    let done = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        const headers = { "content-range": `${start + done}-${start + part.length - 1}` };
        const response = await this.#patch(upload, { bytes: part.subarray(done) }, headers);
        return nextLocation(response, upload, origin);
      } catch (error) {
        const delay =
          error instanceof RegistryFailure && error.transient
            ? backoff.delay(attempt, error.retryAfter)
            : undefined;
        if (delay === undefined) throw error;
        await backoff.pause(delay, this.#options.signal);
        const status = await uploadStatus(this.#api, { ...this.#options, session: upload });
        done = (status?.received ?? -1) - start;
        if (status === undefined || done < 0 || done > part.length) throw error;
        upload = status.session;
        if (done === part.length) return upload;
      }
    }
  }

  async #patch(
    upload: UploadSession,
    body: RequestBody,
    headers: Record<string, string>,
  ): Promise<HttpResponse> {
    const response = await this.#send("PATCH", upload.location, {
      body,
      headers: { "content-type": "application/octet-stream", ...headers },
    });
    // The right answer is 202; some registries answer 201 or 204.
    if (response.status < 200 || response.status > 204) throw await statusFailure(response, this.#what);
    await discard(response);
    return response;
  }

  async #finish(upload: UploadSession, sent: Uploaded, body: RequestBody | undefined): Promise<Uploaded> {
    const location = withDigest(upload.location, sent.digest);
    const headers = body === undefined ? {} : { "content-type": "application/octet-stream" };
    const response = await this.#send("PUT", location, { body, headers });
    if (response.status < 200 || response.status > 204) throw await statusFailure(response, this.#what);
    await discard(response);
    const said = saidDigest(response, this.#what);
    checkSaid(said, sent.digest, `what ${this.#api.registry} received as ${this.#what}`);
    return { digest: sent.digest, size: sent.size };
  }

  #send(
    method: "PATCH" | "PUT",
    target: URL,
    { body, headers }: { body: RequestBody | undefined; headers: Record<string, string> },
  ): Promise<HttpResponse> {
    const { repository, signal } = this.#options;
    const scopes = [pushScope(repository)];
    return this.#api.send({
      method,
      target,
      what: this.#what,
      repository,
      scopes,
      headers,
      body,
      retry: false,
      signal,
    });
  }

  /** After a lost answer: what was sent, if the registry has it. */
  async #arrived(): Promise<Uploaded | undefined> {
    const known = this.#known;
    if (known === undefined) return undefined;
    const { repository, signal } = this.#options;
    const size = await headBlob(this.#api, { repository, digest: known.digest, signal }).catch(
      (error: unknown) => {
        if (error instanceof RegistryFailure) return undefined;
        throw error;
      },
    );
    return size === known.size ? { digest: known.digest, size } : undefined;
  }

  /** Tells the registry that an upload won't be finished. It may fail: registries clean up by themselves. */
  async #abandon(upload: UploadSession | undefined): Promise<void> {
    if (upload === undefined) return;
    await deleteUpload(this.#api, { repository: this.#options.repository, session: upload });
  }
}

/** Whether the registry no longer knows the upload, for example after a restart. */
function isLostUpload(failure: RegistryFailure): boolean {
  return failure.status === 404 || /BLOB_UPLOAD_(UNKNOWN|INVALID)/.test(failure.message);
}
