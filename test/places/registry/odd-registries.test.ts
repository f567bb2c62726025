import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { VarveError } from "#errors";
import { parseDigest } from "#oci";
import { RegistryClient, Transport, type TransportOptions } from "#registry";
import { blobsOnly, type Mode, OddServer, SOUND_MODES, UNSOUND_MODES } from "./support/odd-server.ts";
import { Source, sampleBytes } from "./support/setup.ts";

const repository = "a/b";

async function talkTo(t: TestContext, mode: OddServer["mode"], options: TransportOptions = {}) {
  const server = await new OddServer({ mode }).start();
  const transport = new Transport({ ...options, retry: { sleep: async () => {}, ...options.retry } });
  t.after(async () => {
    await transport.close();
    await server.stop();
  });
  return { server, client: new RegistryClient({ registry: server.host, transport }) };
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
