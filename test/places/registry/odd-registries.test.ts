import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { VarveError } from "#errors";
import { digestOf, parseDigest } from "#oci";
import { HttpClient, type HttpClientOptions, RegistryClient } from "#registry";
import { fail } from "#testing";
import { Transports } from "#transports";
import { blobsOnly, type Mode, OddServer, SOUND_MODES, UNSOUND_MODES } from "./support/odd-server.ts";
import { fails, read, Source, sampleBytes, setUp } from "./support/setup.ts";

const repository = "a/b";

async function talkTo(t: TestContext, mode: OddServer["mode"], options: HttpClientOptions = {}) {
  const server = await new OddServer({ mode }).start();
  const http = new HttpClient({ ...options, retry: { sleep: async () => {}, ...options.retry } });
  t.after(async () => {
    await http.close();
    await server.stop();
  });
  return { server, client: new RegistryClient({ registry: server.host, http }) };
}

/** Reads as a disk that is slower than the line does: the connection is held back, and may end while it is. */
async function slowly(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    parts.push(Uint8Array.from(chunk));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return Buffer.concat(parts);
}

for (const [name, mode] of Object.entries(SOUND_MODES)) {
  test(`blobs come and go whole with a registry that answers with ${name}`, async (t) => {
    const { server, client } = await talkTo(t, () => mode);
    for (const size of [0, 1, 300_000, 300_000, 300_000, 5_000_000]) {
      const bytes = sampleBytes(size);
      const digest = parseDigest(server.registry.addBlob(repository, bytes), "test");
      const read = await slowly(client.getBlob({ repository, descriptor: { digest, size } }));
      assert.ok(read.equals(bytes), `${size} bytes`);
      const source = new Source(bytes);
      for (const descriptor of [undefined, source.descriptor]) {
        server.registry.blobs.clear();
        await client.uploadBlob({ open: source.open, descriptor }, { repository });
        assert.ok(server.registry.blob(repository, digest)?.equals(bytes), `${size} bytes sent`);
      }
    }
  });
}

for (const [name, mode] of Object.entries(UNSOUND_MODES)) {
  test(`a registry that answers with ${name} is an error in the end`, async (t) => {
    const limits = { headers: 100, body: 100 };
    const { server, client } = await talkTo(t, blobsOnly(mode as Mode), {
      timeouts: limits,
      retry: { attempts: 3 },
    });
    const bytes = sampleBytes(5000);
    const digest = parseDigest(server.registry.addBlob(repository, bytes), "test");
    await assert.rejects(
      slowly(client.getBlob({ repository, descriptor: { digest, size: bytes.length } })),
      (error) => error instanceof VarveError && error.code !== "ABORTED",
    );
    assert.ok(server.log.length <= 10, `${server.log.length} requests`);
  });
}

const mebibyte = 1024 * 1024;

/** A registry that breaks the connection off whenever it has sent so much. */
async function breaking(t: TestContext, { size, every }: { size: number; every: number }) {
  const { registry, client } = await setUp(t);
  const bytes = Buffer.alloc(size, "x");
  registry.quirk = (request, response) => {
    const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": size - from,
      "content-range": `bytes ${from}-${size - 1}/${size}`,
    });
    response.write(bytes.subarray(from, from + every), () => response.destroy());
    return true;
  };
  return {
    registry,
    download: () => read(client.getBlob({ repository, descriptor: { digest: digestOf(bytes), size } })),
  };
}

test("a blob whose connection breaks after every two mebibytes comes whole", async (t) => {
  const { registry, download } = await breaking(t, { size: 25 * mebibyte, every: 2 * mebibyte });
  assert.equal((await download()).length, 25 * mebibyte);
  assert.equal(registry.requests.length, 13);
});

test("breaks that bring a blob on by little count as failures", async (t) => {
  const { registry, download } = await breaking(t, { size: 3 * mebibyte, every: 100_000 });
  await fails(download(), "NETWORK", /cannot reach/);
  assert.equal(registry.requests.length, 6);
});

test("one blob is asked for a hundred times at the most", async (t) => {
  const { registry, download } = await breaking(t, { size: 120 * mebibyte, every: mebibyte });
  await fails(download(), "NETWORK", /cannot reach/);
  assert.equal(registry.requests.length, 100);
});

/** A blob that comes as fast as it is taken. */
async function* large() {
  const piece = new Uint8Array(mebibyte);
  for (let count = 0; count < 64; count++) yield piece;
}

test("a registry that takes nothing of what it is sent is given up in time", async (t) => {
  const { registry, client } = await setUp(t, {
    http: { timeouts: { body: 100 }, retry: { attempts: 2 } },
  });
  registry.quirk = (_request, _response, { method }) => method === "PATCH";
  await fails(client.uploadBlob({ open: large }, { repository }), "NETWORK", /too little, passed/);
});

test("an answer that comes before the request's body is read counts", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response, { method }) => {
    if (method === "PATCH") fail(response, 403, "DENIED", "quota exceeded");
    return method === "PATCH";
  };
  await fails(client.uploadBlob({ open: large }, { repository }), "UNAUTHORIZED", /quota exceeded/);
});

test("a time limit for registries holds for every request", async (t) => {
  const mode = ({ method }: { method: string }) => (method === "HEAD" ? UNSOUND_MODES.silence : undefined);
  const server = await new OddServer({ mode }).start();
  t.after(() => server.stop());
  const controller = new AbortController();
  const reasons: string[] = [];
  await using transports = new Transports({
    env: {},
    home: "/nowhere",
    timeout: 50,
    onRequest: (event) => {
      if (event.type !== "retry") return;
      reasons.push(event.reason);
      controller.abort();
    },
  });
  const client = await transports.client(server.host, async () => undefined);
  const asking = client.headBlob({
    repository,
    digest: digestOf(new Uint8Array()),
    signal: controller.signal,
  });
  await fails(asking, "ABORTED", /cancelled/);
  assert.match(reasons.join(), /no answer came in time/);
});
