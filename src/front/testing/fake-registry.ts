import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { algorithmOf, digestOf, isDigest, isTag } from "#oci";
import { answerPull, type PullSide, referrersAmong, subjectOf } from "#serve";
import { bytesSource } from "#util";
import { FakeServer, type Quirk, type Seen } from "./fake-server.ts";

/** What a registry does about manifests that refer to others: OCI distribution specification, "Listing Referrers". */
export interface ReferrersSupport {
  /** Whether it lists them; it does unless false, and else their clients keep lists at tags. */
  readonly api?: boolean;
  /** Whether it says with `OCI-Subject` that it has seen to whom a manifest refers; it does unless false, if it lists them. */
  readonly subject?: boolean;
  /** Whether it leaves out those of another type than was asked for; it does unless false. */
  readonly filters?: boolean;
  /** How many it lists in one answer; all of them unless given. */
  readonly page?: number;
  /** Whether a manifest is only put while its tag has what `If-Match` names; it is put all the same unless true. */
  readonly conditional?: boolean;
}

/**
 * A small registry in memory, on 127.0.0.1: it takes, gives and deletes blobs, manifests and indexes as the OCI distribution
 * specification says, lists tags and referrers, knows no users, and behaves until its quirk does something else.
 */
export class FakeRegistry extends FakeServer {
  /** Its blobs, by `REPOSITORY@DIGEST`. */
  readonly blobs = new Map<string, Buffer>();
  /** Its manifests and indexes, by `REPOSITORY:TAG` and `REPOSITORY:DIGEST`. */
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  /** What has come of the blobs that are being sent, by their uploads' ids. */
  readonly uploads = new Map<string, Buffer>();
  /** What it does about referrers: all that the specification has, unless a test says otherwise. */
  referrers: ReferrersSupport = {};
  /** What looks at each request first; nothing, unless a test says so. */
  quirk: Quirk | undefined;

  /** Puts a blob into a repository and returns its digest. */
  addBlob(repository: string, bytes: Uint8Array): string {
    const digest = sha256(bytes);
    this.blobs.set(`${repository}@${digest}`, Buffer.from(bytes));
    return digest;
  }

  /** The bytes of a blob, if the repository has it. */
  blob(repository: string, digest: string): Buffer | undefined {
    return this.blobs.get(`${repository}@${digest}`);
  }

  override async handle(request: IncomingMessage, response: ServerResponse, seen: Seen): Promise<void> {
    if (await this.quirk?.(request, response, seen)) return;
    if (await answerPull(request, response, this.#pullSide)) return;
    const { method, path, query } = seen;
    const match = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(path);
    if (match === null) return void response.writeHead(404).end();
    const [, repository = "", kind = "", name = ""] = match;
    const push: Push = {
      ...{ method, kind, repository, name, query },
      body: method === "GET" ? Buffer.alloc(0) : await bodyOf(request, seen),
      type: request.headers["content-type"] ?? "",
      range: request.headers["content-range"],
      ifMatch: request.headers["if-match"],
    };
    if (kind === "blobs/uploads") this.#upload(response, push);
    else if (method === "DELETE") this.#delete(response, push);
    else if (method === "PUT" && kind === "manifests") this.#put(response, push);
    else fail(response, 405, "UNSUPPORTED", "this registry doesn't do that");
  }

  /** What there is to pull. */
  get #pullSide(): PullSide {
    const inRepository = (repository: string) =>
      [...this.manifests].filter(([key]) => key.startsWith(`${repository}:`));
    return {
      manifest: (repository, name) => {
        const found = this.manifests.get(`${repository}:${name}`);
        return found && { ...found, digest: isDigest(name) ? name : sha256(found.bytes) };
      },
      blob: (repository, digest) => {
        const bytes = this.blob(repository, digest);
        return (
          bytes && { size: bytes.length, open: (from, to) => bytesSource(bytes.subarray(from, to)).open() }
        );
      },
      tags: (repository) => {
        const names = inRepository(repository).map(([key]) => key.slice(repository.length + 1));
        return names.length === 0 ? undefined : names.filter((name) => !name.includes(":"));
      },
      referrersPage: this.referrers.page,
      filtersReferrers: this.referrers.filters,
      referrers: (repository, digest) => {
        if (this.referrers.api === false) return undefined;
        const byDigest = inRepository(repository).filter(([key]) =>
          isDigest(key.slice(repository.length + 1)),
        );
        return referrersAmong(
          byDigest.map(([, manifest]) => manifest),
          digest,
        );
      },
    };
  }

  #put(response: ServerResponse, { repository, name, body, type, ifMatch }: Push): void {
    const digest = isDigest(name) ? digestOf(body, algorithmOf(name)) : sha256(body);
    if (name !== digest && !isTag(name)) {
      fail(response, 400, "DIGEST_INVALID", "the manifest has another digest");
      return;
    }
    const { api = true, subject: says = api, conditional = false } = this.referrers;
    const present = this.manifests.get(`${repository}:${name}`);
    if (conditional && ifMatch !== undefined && (!present || ifMatch !== `"${sha256(present.bytes)}"`)) {
      fail(response, 412, "DENIED", "the tag has another manifest by now");
      return;
    }
    for (const key of [name, digest])
      this.manifests.set(`${repository}:${key}`, { bytes: body, mediaType: type });
    const subject = subjectOf(body);
    response
      .writeHead(201, {
        "docker-content-digest": digest,
        location: `/v2/${repository}/manifests/${digest}`,
        ...(says && subject !== undefined && { "oci-subject": subject }),
      })
      .end();
  }

  /** Deletes a tag alone, a manifest with all its tags, or a blob. */
  #delete(response: ServerResponse, { kind, repository, name }: Push): void {
    const key = `${repository}${kind === "blobs" ? "@" : ":"}${name}`;
    const manifest = this.manifests.get(key);
    if (kind === "blobs" ? !this.blobs.delete(key) : !this.manifests.delete(key)) {
      fail(response, 404, kind === "blobs" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN", "it isn't here");
      return;
    }
    for (const [other, { bytes }] of this.manifests) {
      const isTagOfIt = isDigest(name) && other.startsWith(`${repository}:`) && bytes === manifest?.bytes;
      if (isTagOfIt) this.manifests.delete(other);
    }
    response.writeHead(202).end();
  }

  #upload(response: ServerResponse, { method, repository, name, body, query, range }: Push): void {
    if (method === "POST") {
      this.#begin(response, { repository, body, query });
      return;
    }
    const have = this.uploads.get(name);
    if (have === undefined) {
      fail(response, 404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
      return;
    }
    if (method === "DELETE") {
      this.uploads.delete(name);
      response.writeHead(204).end();
      return;
    }
    if (method === "GET") {
      response
        .writeHead(204, { range: `0-${have.length - 1}`, location: this.location(repository, name) })
        .end();
      return;
    }
    if (range !== undefined && Number(range.split("-")[0]) !== have.length) {
      fail(response, 416, "BLOB_UPLOAD_INVALID", "range out of order");
      return;
    }
    const now = Buffer.concat([have, body]);
    this.uploads.set(name, now);
    if (method === "PATCH") {
      response
        .writeHead(202, { location: this.location(repository, name), range: `0-${now.length - 1}` })
        .end();
      return;
    }
    if (this.#store(response, { repository, bytes: now, digest: query.get("digest") ?? "" })) {
      this.uploads.delete(name);
    }
  }

  /** Begins an upload, unless there is a blob to be mounted, or the request has all of it. */
  #begin(
    response: ServerResponse,
    { repository, body, query }: Pick<Push, "repository" | "body" | "query">,
  ): void {
    const mount = query.get("mount");
    const from = mount === null ? undefined : this.#mountable(mount, query.get("from"));
    if (from !== undefined) {
      this.#store(response, { repository, bytes: from, digest: mount! });
      return;
    }
    const digest = query.get("digest");
    if (digest !== null) {
      this.#store(response, { repository, bytes: body, digest });
      return;
    }
    const id = randomUUID();
    this.uploads.set(id, Buffer.alloc(0));
    response.writeHead(202, { location: this.location(repository, id) }).end();
  }

  /** A blob of another repository; of any, where none is named. */
  #mountable(digest: string, repository: string | null): Buffer | undefined {
    if (repository !== null) return this.blob(repository, digest);
    return [...this.blobs].find(([key]) => key.endsWith(`@${digest}`))?.[1];
  }

  /** Keeps a blob if it has the digest that it should have. */
  #store(
    response: ServerResponse,
    { repository, bytes, digest }: { repository: string; bytes: Buffer; digest: string },
  ): boolean {
    if (!isDigest(digest) || digestOf(bytes, algorithmOf(digest)) !== digest) {
      fail(response, 400, "DIGEST_INVALID", "provided digest did not match");
      return false;
    }
    this.blobs.set(`${repository}@${digest}`, Buffer.from(bytes));
    const location = `/v2/${repository}/blobs/${digest}`;
    response.writeHead(201, { location, "docker-content-digest": digest }).end();
    return true;
  }

  /** Where an upload goes on; replaced in tests of its forms. */
  location = (repository: string, id: string): string =>
    `/v2/${repository}/blobs/uploads/${id}?_state=a%3Db%20c&x`;
}

/** A request that changes something. */
interface Push {
  readonly method: string;
  readonly kind: string;
  readonly repository: string;
  readonly name: string;
  readonly body: Buffer;
  readonly query: URLSearchParams;
  /** The body's Content-Type. */
  readonly type: string;
  /** Content-Range. */
  readonly range: string | undefined;
  /** If-Match. */
  readonly ifMatch: string | undefined;
}

/** The error body of the distribution specification. */
export function fail(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ errors: [{ code, message }] }));
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A request's whole body. */
export async function bodyOf(request: IncomingMessage, seen: Seen): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  seen.bodySize = body.length;
  return body;
}
