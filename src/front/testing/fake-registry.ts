import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { FakeServer, type Quirk, type Seen } from "./fake-server.ts";

/**
 * A small registry in memory, on 127.0.0.1: it takes and gives blobs, manifests and indexes as the OCI distribution
 * specification says ("Pull" and "Push"), knows no users, and behaves until its quirk does something else.
 */
export class FakeRegistry extends FakeServer {
  /** Its blobs, by `REPOSITORY@DIGEST`. */
  readonly blobs = new Map<string, Buffer>();
  /** Its manifests and indexes, by `REPOSITORY:TAG` and `REPOSITORY:DIGEST`. */
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  /** What has come of the blobs that are being sent, by their uploads' ids. */
  readonly uploads = new Map<string, Buffer>();
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
    const { method, path, query } = seen;
    if (path === "/v2/") return void response.writeHead(200).end();
    const match = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(path);
    if (match === null) return void response.writeHead(404).end();
    const [, repository = "", kind, name = ""] = match;
    const body = method === "GET" || method === "HEAD" ? Buffer.alloc(0) : await bodyOf(request, seen);
    if (kind === "manifests")
      return this.#manifest(response, {
        method,
        repository,
        name,
        body,
        type: request.headers["content-type"] ?? "",
      });
    if (kind === "blobs")
      return this.#blob(response, { method, repository, name, range: request.headers.range });
    return this.#upload(response, {
      method,
      repository,
      name,
      body,
      query,
      range: request.headers["content-range"],
    });
  }

  #manifest(
    response: ServerResponse,
    {
      method,
      repository,
      name,
      body,
      type,
    }: { method: string; repository: string; name: string; body: Buffer; type: string },
  ): void {
    if (method === "PUT") {
      const digest = sha256(body);
      for (const key of [name, digest])
        this.manifests.set(`${repository}:${key}`, { bytes: body, mediaType: type });
      response
        .writeHead(201, {
          "docker-content-digest": digest,
          location: `/v2/${repository}/manifests/${digest}`,
        })
        .end();
      return;
    }
    const found = this.manifests.get(`${repository}:${name}`);
    if (found === undefined) {
      fail(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
      return;
    }
    response.writeHead(200, {
      "content-type": found.mediaType,
      "content-length": found.bytes.length,
      "docker-content-digest": sha256(found.bytes),
    });
    response.end(method === "HEAD" ? undefined : found.bytes);
  }

  #blob(
    response: ServerResponse,
    {
      method,
      repository,
      name,
      range,
    }: { method: string; repository: string; name: string; range: string | undefined },
  ): void {
    const bytes = this.blob(repository, name);
    if (bytes === undefined) {
      fail(response, 404, "BLOB_UNKNOWN", "blob unknown to registry");
      return;
    }
    const from = Number(/^bytes=([0-9]+)-$/.exec(range ?? "")?.[1] ?? 0);
    const part = bytes.subarray(from);
    const headers = { "content-length": part.length, "docker-content-digest": name };
    if (from > 0)
      response.writeHead(206, {
        ...headers,
        "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      });
    else response.writeHead(200, headers);
    response.end(method === "HEAD" ? undefined : part);
  }

  #upload(
    response: ServerResponse,
    request: {
      method: string;
      repository: string;
      name: string;
      body: Buffer;
      query: URLSearchParams;
      range: string | undefined;
    },
  ): void {
    const { method, repository, name, body, query, range } = request;
    if (method === "POST") {
      const mount = query.get("mount");
      const from = mount === null ? undefined : this.blob(query.get("from") ?? "", mount);
      if (from !== undefined) {
        this.addBlob(repository, from);
        response
          .writeHead(201, { location: `/v2/${repository}/blobs/${mount}`, "docker-content-digest": mount! })
          .end();
        return;
      }
      const id = randomUUID();
      this.uploads.set(id, Buffer.alloc(0));
      response.writeHead(202, { location: this.location(repository, id) }).end();
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
    if (sha256(now) !== query.get("digest")) {
      fail(response, 400, "DIGEST_INVALID", "provided digest did not match");
      return;
    }
    this.uploads.delete(name);
    response.writeHead(201, { "docker-content-digest": this.addBlob(repository, now) }).end();
  }

  /** Where an upload goes on; replaced in tests of its forms. */
  location = (repository: string, id: string): string =>
    `/v2/${repository}/blobs/uploads/${id}?_state=a%3Db%20c&x`;
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
