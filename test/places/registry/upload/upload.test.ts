import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { VarveError } from "#errors";
import { digestOf, parseDigest } from "#oci";
import { bodyOf, FakeRegistry, fail, sha256 } from "#testing";
import { fails, otherServer, read, Source, sampleBytes, setUp } from "../support/setup.ts";

const bytes = sampleBytes(1_500_000);
const POST = "POST /v2/a/b/blobs/uploads/";
const PATCH = "PATCH /v2/a/b/blobs/uploads/ID";
const PUT = "PUT /v2/a/b/blobs/uploads/ID";
const DELETE = "DELETE /v2/a/b/blobs/uploads/ID";
const repository = "a/b";

test("a blob whose digest is known goes in one request with its length", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes);
  const progress: number[] = [];
  const sent = await client.uploadBlob(
    { open: source.open, descriptor: source.descriptor },
    { repository, onProgress: (count) => progress.push(count) },
  );
  assert.deepEqual(sent, source.descriptor);
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.deepEqual(registry.log, [POST, PUT]);
  assert.equal(registry.requests[1]!.headers["content-length"], String(bytes.length));
  assert.equal(progress.at(-1), bytes.length);
});

test("a blob whose digest isn't known goes in one streamed pass", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes, 1000);
  assert.deepEqual(await client.uploadBlob(source0(source), { repository }), source.descriptor);
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.deepEqual(registry.log, [POST, PATCH, PUT]);
  assert.equal(registry.requests[1]!.headers["transfer-encoding"], "chunked");
  assert.deepEqual([source.opens, source.closes], [1, 1]);
});

const source0 = (source: Source) => ({ open: source.open });

test("chunks of any size arrive whole from a source that reuses its memory", async (t) => {
  const { client, registry } = await setUp(t);
  // A slow reader makes the socket hold what it was given.
  registry.quirk = async (request, _response, seen) => {
    if (seen.method === "PUT" || seen.method === "PATCH") {
      request.pause();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return false;
  };
  for (const step of [17, 16_384, 65_535, 65_536, 262_144]) {
    const source = new Source(bytes.subarray(0, step * 300), step);
    await client.uploadBlob(source0(source), { repository });
    await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
    assert.equal(registry.blob(repository, source.digest)?.length, source.size, String(step));
  }
});

test("an empty blob can be uploaded either way", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(Buffer.alloc(0));
  await client.uploadBlob(source0(source), { repository });
  await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository: "c" });
  assert.equal(registry.blob(repository, source.digest)?.length, 0);
  assert.equal(registry.blob("c", source.digest)?.length, 0);
});

test("parts are sent one after the other, each with its range", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes);
  assert.deepEqual(
    await client.uploadBlob(source0(source), { repository, partSize: 600_000 }),
    source.descriptor,
  );
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  const ranges = registry.requests.map(({ headers }) => headers["content-range"]);
  assert.deepEqual(ranges, [undefined, "0-599999", "600000-1199999", "1200000-1499999", undefined]);
});

test("a registry's least part length is kept", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response, { method }) => {
    if (method === "POST") response.setHeader("oci-chunk-min-length", "1000000");
    return false;
  };
  await client.uploadBlob(source0(new Source(bytes)), { repository, partSize: 10 });
  assert.deepEqual(registry.log, [POST, PATCH, PATCH, PUT]);
});

test("a part whose connection broke is sent again from where the registry has it", async (t) => {
  const { registry, client } = await setUp(t);
  let broken = false;
  registry.quirk = async (request, response, seen) => {
    if (broken || seen.headers["content-range"] !== "600000-1199999") return false;
    broken = true;
    const id = seen.path.split("/").at(-1)!;
    const body = await bodyOf(request, seen);
    registry.uploads.set(id, Buffer.concat([registry.uploads.get(id)!, body.subarray(0, 250_000)]));
    response.destroy();
    return true;
  };
  const source = new Source(bytes);
  await client.uploadBlob(source0(source), { repository, partSize: 600_000 });
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.deepEqual(
    registry.requests.map(({ headers }) => headers["content-range"]),
    [undefined, "0-599999", "600000-1199999", undefined, "850000-1199999", "1200000-1499999", undefined],
  );
  assert.equal(source.opens, 1);
});

test("a registry that refuses a streamed body is sent parts", async (t) => {
  for (const status of [411, 501, 400]) {
    const { registry, client } = await setUp(t);
    registry.quirk = async (request, response, seen) => {
      if (seen.headers["transfer-encoding"] !== "chunked") return false;
      await bodyOf(request, seen);
      fail(response, status, "UNSUPPORTED", "no streams");
      return true;
    };
    const source = new Source(bytes);
    await client.uploadBlob(source0(source), { repository });
    assert.deepEqual(registry.blob(repository, source.digest), bytes);
    assert.deepEqual(registry.log, [POST, PATCH, DELETE, POST, PATCH, PUT]);
  }
});

test("upload locations are followed relative and absolute, with their query as it is written", async (t) => {
  for (const prefix of ["", "absolute", "http://user:secret@"]) {
    const { registry, client } = await setUp(t);
    const query = "?_state=a%3Db%20c+d&x&y=%2F";
    registry.location = (name, id) => {
      const path = `/v2/${name}/blobs/uploads/${id}${query}`;
      return prefix === ""
        ? path
        : prefix === "absolute"
          ? `${registry.url}${path}`
          : `${prefix}${registry.host}${path}`;
    };
    let raw = "";
    registry.quirk = (request, _response, { method }) => {
      if (method === "PUT") raw = request.url!;
      return false;
    };
    const source = new Source(bytes);
    await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
    assert.ok(raw.endsWith(`${query}&digest=${encodeURIComponent(source.digest)}`), raw);
    assert.equal(registry.requests[1]!.headers.authorization, undefined);
  }
});

test("201 where 202 is due is taken as it is meant", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response, { method }) => {
    if (method !== "POST" && method !== "PATCH") return false;
    const original = response.writeHead.bind(response) as (
      status: number,
      headers: object,
    ) => typeof response;
    response.writeHead = ((_status: number, headers: object) =>
      original(201, headers)) as typeof response.writeHead;
    return false;
  };
  const source = new Source(bytes);
  await client.uploadBlob(source0(source), { repository });
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  const other = digestOf(Buffer.from("other"));
  const mount = await client.mountBlob({ repository, digest: other, from: "c" });
  assert.ok(!mount.mounted && mount.session !== undefined);
});

test("an upload without a Location, or with one that is no http URL, is refused", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes);
  registry.location = () => "ftp://127.0.0.1/x";
  await fails(
    client.uploadBlob(source0(source), { repository }),
    "REGISTRY_PROTOCOL",
    /not an http or https URL/,
  );
  registry.quirk = (_request, response) => {
    response.writeHead(202).end();
    return true;
  };
  await fails(
    client.uploadBlob(source0(source), { repository }),
    "REGISTRY_PROTOCOL",
    /without saying where/,
  );
});

test("credentials are never sent to an upload's Location on another host", async (t) => {
  const storage = await otherServer(t, new FakeRegistry());
  storage.uploads.set("1", Buffer.alloc(0));
  const { registry, client } = await setUp(t, {
    credentials: async () => ({ kind: "password", username: "u", password: "p" }),
  });
  registry.quirk = (request, response, { method }) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      return true;
    }
    if (method !== "POST") return false;
    response.writeHead(202, { location: `${storage.url}/v2/a/b/blobs/uploads/1` }).end();
    return true;
  };
  const source = new Source(bytes);
  await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
  assert.deepEqual(storage.blob(repository, source.digest), bytes);
  assert.ok(registry.requests.some(({ headers }) => headers.authorization !== undefined));
  assert.ok(storage.requests.length > 0);
  for (const { headers } of storage.requests) assert.equal(headers.authorization, undefined);
});

test("an upload whose last answer was lost is asked for before it is sent again", async (t) => {
  for (const known of [true, false]) {
    const { registry, client } = await setUp(t);
    registry.quirk = async (request, response, seen) => {
      if (seen.method !== "PUT") return false;
      const id = seen.path.split("/").at(-1)!;
      registry.addBlob(repository, Buffer.concat([registry.uploads.get(id)!, await bodyOf(request, seen)]));
      response.destroy();
      return true;
    };
    const source = new Source(bytes);
    const blob = known ? { open: source.open, descriptor: source.descriptor } : source0(source);
    assert.deepEqual(await client.uploadBlob(blob, { repository }), source.descriptor);
    assert.equal(source.opens, 1);
    assert.equal(registry.log.at(-1), `HEAD /v2/a/b/blobs/${source.digest}`);
  }
});

test("an upload that broke in the middle begins anew, as another upload", async (t) => {
  const { registry, client, pauses } = await setUp(t);
  let breaks = 2;
  registry.quirk = async (request, response, { method }) => {
    if (method !== "PUT" || breaks === 0) return false;
    breaks--;
    await once(request, "data");
    response.destroy();
    return true;
  };
  const source = new Source(bytes);
  await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.deepEqual([source.opens, source.closes], [3, 3]);
  assert.deepEqual(pauses, [500, 1000]);
  assert.equal(registry.log.filter((line) => line === POST).length, 3);
  assert.equal(registry.uploads.size, 0);
});

test("an upload that a restarted registry doesn't know any more begins anew", async (t) => {
  const { registry, client } = await setUp(t);
  let forgets = true;
  registry.quirk = (_request, _response, { method }) => {
    if (method === "PUT" && forgets) {
      forgets = false;
      registry.uploads.clear();
    }
    return false;
  };
  const source = new Source(bytes);
  await client.uploadBlob(source0(source), { repository });
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.equal(source.opens, 2);
});

test("429 and 503 during an upload are waited out, as long as Retry-After says", async (t) => {
  const { registry, client, pauses } = await setUp(t);
  const answers: [number, Record<string, string>][] = [
    [429, { "retry-after": "7" }],
    [503, {}],
  ];
  registry.quirk = async (request, response, seen) => {
    const [next] = answers;
    if (seen.method !== "PUT" || next === undefined) return false;
    answers.shift();
    await bodyOf(request, seen);
    response.writeHead(...next).end();
    return true;
  };
  const source = new Source(bytes);
  await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
  assert.deepEqual(registry.blob(repository, source.digest), bytes);
  assert.deepEqual(pauses, [7000, 1000]);
});

test("an upload that fails for good ends with the registry's words and is cancelled", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = async (request, response, seen) => {
    if (seen.method !== "PUT") return false;
    await bodyOf(request, seen);
    fail(response, 403, "DENIED", "quota exceeded");
    return true;
  };
  const source = new Source(bytes);
  const upload = client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
  await fails(upload, "UNAUTHORIZED", /DENIED: quota exceeded/);
  assert.deepEqual(registry.log, [POST, PUT, DELETE]);
  assert.deepEqual([source.opens, source.closes], [1, 1]);
});

test("bytes that aren't those that were announced fail before the upload can end", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes);
  const wrong = Buffer.from(bytes);
  wrong[5]! ^= 1;
  const cases: [Uint8Array, "DIGEST_MISMATCH" | "SIZE_MISMATCH"][] = [
    [wrong, "DIGEST_MISMATCH"],
    [bytes.subarray(1), "SIZE_MISMATCH"],
    [Buffer.concat([bytes, wrong]), "SIZE_MISMATCH"],
  ];
  for (const [content, code] of cases) {
    const other = new Source(content);
    const upload = client.uploadBlob({ open: other.open, descriptor: source.descriptor }, { repository });
    await fails(upload, code, /blob sha256/);
    assert.deepEqual([other.opens, other.closes], [1, 1]);
    // A registry that stops at the announced length may have had the right bytes before the surplus was seen.
    for (const blob of registry.blobs.values()) assert.deepEqual(blob, bytes);
  }
});

test("what reading the source throws is thrown on, and the upload is cancelled", async (t) => {
  const { registry, client } = await setUp(t);
  const failure = new VarveError("CHANGED_WHILE_READING", "the file x changed");
  const open = async function* () {
    yield bytes.subarray(0, 100_000);
    throw failure;
  };
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  for (const blob of [{ open }, { open, descriptor }]) {
    for (const partSize of [undefined, 10_000]) {
      await assert.rejects(client.uploadBlob(blob, { repository, partSize }), (error) => error === failure);
    }
  }
  assert.equal(registry.log.filter((line) => line === DELETE).length, 4);
  assert.equal(registry.blobs.size, 0);
});

test("a cancelled upload ends with ABORTED, closes its source and is cancelled at the registry", async (t) => {
  const { registry, client } = await setUp(t);
  const controller = new AbortController();
  registry.quirk = async (request, _response, { method }) => {
    if (method !== "PUT") return false;
    await once(request, "data");
    controller.abort();
    return true;
  };
  const source = new Source(sampleBytes(8_000_000));
  const upload = client.uploadBlob(
    { open: source.open, descriptor: source.descriptor },
    { repository, signal: controller.signal },
  );
  await fails(upload, "ABORTED", /cancelled/);
  assert.equal(source.closes, 1);
  assert.deepEqual(registry.log, [POST, PUT, DELETE]);
});

test("a registry that received other bytes than were sent is found out", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = async (request, response, seen) => {
    if (seen.method !== "PUT") return false;
    await bodyOf(request, seen);
    response.writeHead(201, { "docker-content-digest": sha256(Buffer.from("else")) }).end();
    return true;
  };
  const source = new Source(bytes);
  const upload = client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository });
  await fails(upload, "DIGEST_MISMATCH", /received/);
});

test("a blob of another repository is mounted without sending it", async (t) => {
  const { registry, client } = await setUp(t);
  const digest = parseDigest(registry.addBlob("base/x", bytes), "test");
  assert.deepEqual(await client.mountBlob({ repository, digest, from: "base/x" }), { mounted: true });
  assert.deepEqual(registry.blob(repository, digest), bytes);
  const { query, bodySize } = registry.requests[0]!;
  assert.deepEqual([query.get("mount"), query.get("from"), bodySize], [digest, "base/x", 0]);
});

test("a mount that isn't done gives an upload, which is used", async (t) => {
  const { registry, client } = await setUp(t);
  const source = new Source(bytes);
  const mount = await client.mountBlob({ repository, digest: source.digest, from: "base/x" });
  assert.ok(!mount.mounted && mount.session !== undefined);
  await client.uploadBlob(
    { open: source.open, descriptor: source.descriptor },
    { repository, session: mount.session },
  );
  assert.deepEqual(registry.log, [POST, PUT]);
  assert.deepEqual(await read(client.getBlob({ repository, descriptor: source.descriptor })), bytes);
});

test("a mount that is refused counts as not done", async (t) => {
  for (const status of [401, 403, 404, 405]) {
    const { registry, client } = await setUp(t);
    registry.quirk = (_request, response) => {
      fail(response, status, "DENIED", "no");
      return true;
    };
    const mount = await client.mountBlob({ repository, digest: digestOf(bytes), from: "base/x" });
    assert.deepEqual(mount, { mounted: false, session: undefined });
  }
});
