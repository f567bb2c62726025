import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, MAX_MANIFEST_BYTES, MediaType, parseDigest } from "#oci";
import { bodyOf, FakeServer, fail } from "#testing";
import { fails, otherServer, read, sampleBytes, setUp } from "./support/setup.ts";

const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, digest: digestOf(Buffer.from("c")), size: 1 },
    layers: [],
  }),
);
const ociType = { "content-type": MediaType.ociManifest };

test("a manifest comes with its bytes, by tag and by digest", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.manifests.set("a/b:t", { bytes: manifest, mediaType: MediaType.ociManifest });
  registry.manifests.set(`a/b:${digestOf(manifest)}`, {
    bytes: manifest,
    mediaType: "application/json; charset=utf-8",
  });
  for (const name of ["a/b:t", `a/b@${digestOf(manifest)}`, `a/b:other@${digestOf(manifest)}`]) {
    const { kind, document } = await client.getManifest({ reference: reference(name) });
    assert.equal(kind, "manifest");
    assert.deepEqual(Buffer.from(document.bytes), manifest);
    assert.equal(document.descriptor.mediaType, MediaType.ociManifest);
  }
  const accept = registry.requests[0]!.headers.accept!;
  for (const type of [
    MediaType.ociIndex,
    MediaType.ociManifest,
    MediaType.dockerManifestList,
    MediaType.dockerManifest,
  ]) {
    assert.ok(accept.includes(type), type);
  }
});

test("a manifest's head says digest, type and size, or that it isn't there", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.manifests.set("a/b:t", { bytes: manifest, mediaType: MediaType.ociManifest });
  assert.deepEqual(await client.headManifest({ reference: reference("a/b:t") }), {
    digest: digestOf(manifest),
    mediaType: MediaType.ociManifest,
    size: manifest.length,
  });
  assert.equal(await client.headManifest({ reference: reference("a/b:u") }), undefined);
});

test("a manifest that isn't there is said to be missing, by its name", async (t) => {
  const { client, reference } = await setUp(t);
  await fails(client.getManifest({ reference: reference("a/b:t") }), "IMAGE_NOT_FOUND", /a\/b:t/);
});

test("a manifest with other bytes than its digest names is refused", async (t) => {
  const { registry, client, reference } = await setUp(t);
  const digest = digestOf(Buffer.from("else"));
  registry.quirk = (_request, response) => {
    response.writeHead(200, ociType).end(manifest);
    return true;
  };
  await fails(
    client.getManifest({ reference: reference(`a@${digest}`) }),
    "DIGEST_MISMATCH",
    /should have sha256/,
  );
});

test("a manifest with another digest than the registry says is refused", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.quirk = (_request, response) => {
    response
      .writeHead(200, { ...ociType, "docker-content-digest": digestOf(Buffer.from("else")) })
      .end(manifest);
    return true;
  };
  await fails(client.getManifest({ reference: reference("a:t") }), "DIGEST_MISMATCH", /should have/);
});

test("a digest such as sha256:../../x in an answer is refused before it is used", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.quirk = (_request, response) => {
    response.writeHead(200, { ...ociType, "docker-content-digest": "sha256:../../x" }).end(manifest);
    return true;
  };
  await fails(client.getManifest({ reference: reference("a:t") }), "INVALID_DIGEST", /\.\.\/x/);
  await fails(client.headManifest({ reference: reference("a:t") }), "INVALID_DIGEST", /\.\.\/x/);
});

test("a manifest whose Content-Type and mediaType disagree is refused", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.manifests.set("a:t", { bytes: manifest, mediaType: MediaType.ociIndex });
  await fails(client.getManifest({ reference: reference("a:t") }), "INVALID_MANIFEST", /announced as/);
});

test("a manifest that has both manifests and layers is refused", async (t) => {
  const { registry, client, reference } = await setUp(t);
  const { mediaType: _m, ...both } = { ...JSON.parse(manifest.toString()), manifests: [] };
  registry.manifests.set("a:t", {
    bytes: Buffer.from(JSON.stringify(both)),
    mediaType: MediaType.ociManifest,
  });
  await fails(client.getManifest({ reference: reference("a:t") }), "INVALID_MANIFEST", /ambiguous/);
});

test("a web page in place of a manifest is refused as what it is", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.manifests.set("a:t", { bytes: Buffer.from("<html>log in"), mediaType: "text/html" });
  await fails(client.getManifest({ reference: reference("a:t") }), "REGISTRY_PROTOCOL", /text\/html/);
});

test("a 100 MB manifest is cut off, whether or not it says its length", async (t) => {
  const { registry, client, reference } = await setUp(t);
  const piece = Buffer.alloc(1024 * 1024, " ");
  let sent = 0;
  for (const headers of [ociType, { ...ociType, "content-length": 100 * piece.length }]) {
    registry.quirk = async (_request, response) => {
      response.writeHead(200, headers);
      for (sent = 0; sent < 100 && !response.destroyed; sent++) {
        if (!response.write(piece))
          await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
      }
      response.end();
      return true;
    };
    await fails(
      client.getManifest({ reference: reference("a:t") }),
      "TOO_LARGE",
      new RegExp(String(MAX_MANIFEST_BYTES)),
    );
    assert.ok(sent < 50, `${sent} MiB were sent`);
  }
});

test("a blob's bytes come as they are", async (t) => {
  const { registry, client } = await setUp(t);
  for (const size of [0, 1, 3_000_000]) {
    const bytes = sampleBytes(size);
    const digest = parseDigest(registry.addBlob("a/b", bytes), "test");
    assert.deepEqual(await read(client.getBlob({ repository: "a/b", descriptor: { digest, size } })), bytes);
    assert.equal(await client.headBlob({ repository: "a/b", digest }), size);
  }
  assert.equal(await client.headBlob({ repository: "a/b", digest: digestOf(Buffer.from("no")) }), undefined);
});

test("bytes after a blob's end fail, with and without a length", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(100_000);
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  for (const headers of [{}, { "content-length": bytes.length + 1 }]) {
    registry.quirk = (_request, response) => {
      response.writeHead(200, headers).end(Buffer.concat([bytes, Buffer.from("x")]));
      return true;
    };
    await fails(read(client.getBlob({ repository: "a", descriptor })), "SIZE_MISMATCH", /100000/);
  }
});

test("fewer bytes than a blob should have fail, with and without a length", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(100_000);
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  for (const headers of [{}, { "content-length": bytes.length - 1 }]) {
    registry.quirk = (_request, response) => {
      response.writeHead(200, headers).end(bytes.subarray(1));
      return true;
    };
    await fails(read(client.getBlob({ repository: "a", descriptor })), "SIZE_MISMATCH", /99999/);
  }
});

test("a blob with one wrong byte fails, and its last chunk is never handed on", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(300_000);
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  bytes[0]! ^= 1;
  registry.quirk = (_request, response) => {
    response.writeHead(200).end(bytes);
    return true;
  };
  let received = 0;
  const reading = (async () => {
    for await (const chunk of client.getBlob({ repository: "a", descriptor })) received += chunk.length;
  })();
  await fails(reading, "DIGEST_MISMATCH", /should have/);
  assert.ok(received < bytes.length);
});

test("after a broken connection the rest of a blob is asked for by its range", async (t) => {
  const { registry, client, pauses } = await setUp(t);
  const bytes = sampleBytes(1_000_000);
  const digest = parseDigest(registry.addBlob("a", bytes), "test");
  const breaks = [300_000, 700_000];
  registry.quirk = async (request, response) => {
    const at = breaks.shift();
    if (at === undefined) return false;
    const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": bytes.length - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    response.write(bytes.subarray(from, at), () => response.destroy());
    return true;
  };
  assert.deepEqual(
    await read(client.getBlob({ repository: "a", descriptor: { digest, size: bytes.length } })),
    bytes,
  );
  assert.deepEqual(
    registry.requests.map(({ headers }) => headers.range),
    [undefined, "bytes=300000-", "bytes=700000-"],
  );
  assert.equal(pauses.length, 2);
});

test("a registry that knows no ranges sends the blob again, and what came before is skipped", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(500_000);
  let first = true;
  registry.quirk = (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    if (first) response.write(bytes.subarray(0, 123_456), () => response.destroy());
    else response.end(bytes);
    first = false;
    return true;
  };
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  assert.deepEqual(await read(client.getBlob({ repository: "a", descriptor })), bytes);
});

test("another range than was asked for is refused", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(500_000);
  registry.quirk = (request, response) => {
    if (request.headers.range === undefined) {
      response
        .writeHead(200, { "content-length": bytes.length })
        .write(bytes.subarray(0, 1000), () => response.destroy());
    } else {
      response.writeHead(206, { "content-range": `bytes 0-${bytes.length - 1}/${bytes.length}` }).end(bytes);
    }
    return true;
  };
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  await fails(read(client.getBlob({ repository: "a", descriptor })), "REGISTRY_PROTOCOL", /another range/);
});

test("a connection that always breaks ends in an error, not in a loop", async (t) => {
  const { registry, client } = await setUp(t, { http: { retry: { attempts: 4 } } });
  registry.quirk = (_request, response) => {
    response.destroy();
    return true;
  };
  const descriptor = { digest: digestOf(Buffer.from("x")), size: 1 };
  await fails(read(client.getBlob({ repository: "a", descriptor })), "NETWORK", /cannot reach/);
  assert.ok(registry.requests.length <= 16);
});

test("a content encoding that nobody asked for is refused", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (request, response) => {
    assert.equal(request.headers["accept-encoding"], "identity");
    response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    return true;
  };
  const descriptor = { digest: digestOf(Buffer.from("x")), size: 1 };
  await fails(
    read(client.getBlob({ repository: "a", descriptor })),
    "REGISTRY_PROTOCOL",
    /content encoding gzip/,
  );
});

test("a layer's foreign urls are never asked, with or without credentials", async (t) => {
  const elsewhere = await otherServer(t, new FakeServer());
  const { registry, client } = await setUp(t, {
    credentials: async () => ({ kind: "password", username: "u", password: "p" }),
  });
  const descriptor = {
    mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    digest: digestOf(Buffer.from("x")),
    size: 1,
    urls: [`${elsewhere.url}/layer`],
  };
  await fails(read(client.getBlob({ repository: "a", descriptor })), "REGISTRY_PROTOCOL", /has no blob/);
  assert.equal(elsewhere.requests.length, 0);
  assert.equal(registry.requests.length, 1);
});

test("a reader that stops early ends the download", async (t) => {
  const { registry, client } = await setUp(t);
  const bytes = sampleBytes(8_000_000);
  const descriptor = { digest: digestOf(bytes), size: bytes.length };
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => (closed = resolve));
  registry.quirk = (_request, response) => {
    response.on("close", () => closed());
    response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 1_000_000));
    return true;
  };
  for await (const chunk of client.getBlob({ repository: "a", descriptor })) {
    assert.ok(chunk.length > 0);
    break;
  }
  await ended;
});

test("a cancelled download ends with ABORTED and isn't tried again", async (t) => {
  const { registry, client } = await setUp(t);
  const controller = new AbortController();
  registry.quirk = (_request, response) => {
    response.writeHead(200).write("x", () => controller.abort());
    return true;
  };
  const descriptor = { digest: digestOf(Buffer.from("xy")), size: 2 };
  await fails(
    read(client.getBlob({ repository: "a", descriptor, signal: controller.signal })),
    "ABORTED",
    /cancelled/,
  );
  assert.equal(registry.requests.length, 1);
});

test("what a registry says of an error is quoted, in one bounded line", async (t) => {
  const { registry, client, reference } = await setUp(t);
  registry.quirk = (_request, response) => {
    fail(response, 400, "NAME\u001b[31m_INVALID", `bad\nname ${"x".repeat(100_000)}`);
    return true;
  };
  await fails(
    client.getManifest({ reference: reference("a:t") }),
    "REGISTRY_PROTOCOL",
    /^[^\n\u001b]{10,500}$/,
  );
});

test("a repository that isn't one never reaches a URL", async (t) => {
  const { registry, client } = await setUp(t);
  const digest = digestOf(Buffer.from("x"));
  for (const repository of ["../x", "a/../b", "a?b", "a#b", "a%2fb", "A", "", "a//b"]) {
    await fails(client.headBlob({ repository, digest }), "INVALID_REFERENCE", /not a repository/);
    await fails(
      client.mountBlob({ repository: "a", digest, from: repository }),
      "INVALID_REFERENCE",
      /not a repository/,
    );
  }
  assert.equal(registry.requests.length, 0);
});

test("a manifest is put under its tag, and the registry's word on what it received is checked", async (t) => {
  const { registry, client, reference } = await setUp(t);
  const upload = { reference: reference("a:t"), bytes: manifest, mediaType: MediaType.ociManifest };
  assert.equal(await client.putManifest(upload), digestOf(manifest));
  assert.equal(registry.manifests.get("a:t")?.mediaType, MediaType.ociManifest);
  const wrong = reference(`a:t@${digestOf(Buffer.from("x"))}`);
  await fails(client.putManifest({ ...upload, reference: wrong }), "DIGEST_MISMATCH", /should have/);
  registry.quirk = async (request, response, seen) => {
    await bodyOf(request, seen);
    response.writeHead(201, { "docker-content-digest": digestOf(Buffer.from("else")) }).end();
    return true;
  };
  await fails(client.putManifest(upload), "DIGEST_MISMATCH", /received/);
});
