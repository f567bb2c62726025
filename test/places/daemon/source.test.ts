import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { dockerDaemonSource } from "#daemon";
import { dockerArchiveSink } from "#formats";
import type { ReadOptions } from "#image";
import { writeImage } from "#write";
import { temporaryFolder } from "../../support/tmp.ts";
import { startFakeDaemon } from "./support/fake-daemon.ts";
import { fails, imageOf, watchedLayer } from "./support/images.ts";

const amd64: ReadOptions = { platform: { os: "linux", architecture: "amd64" } };
const layers = [watchedLayer(3000), watchedLayer(70_000)];

async function archiveBytes(content = layers): Promise<Buffer> {
  const parts: Buffer[] = [];
  const output = {
    name: "memory",
    write: async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) parts.push(Buffer.from(chunk));
    },
  };
  await writeImage(imageOf(content, ["app:1"]), [dockerArchiveSink({ output })]);
  return Buffer.concat(parts);
}

describe("the Docker daemon's source", () => {
  let folder: string;

  /** Temporary files are made in a folder of the test's own, which must be empty in the end. */
  beforeEach(async (context) => {
    const t = context as TestContext;
    folder = await temporaryFolder(t);
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder;
    t.after(() => {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    });
  });

  const leftovers = async () =>
    (await readdir(folder))
      .filter((name) => !name.startsWith("varve-test-"))
      .map((name) => join(folder, name));

  it("takes an archive whose end is the connection's end, as HTTP/1.0 has it", async (t) => {
    const archive = await archiveBytes([watchedLayer(20_000_000, 1_000_000)]);
    const server = createServer((socket) => {
      t.after(() => socket.destroy());
      socket.on("error", () => {});
      socket.once("data", () => socket.end(Buffer.concat([Buffer.from("HTTP/1.0 200 OK\r\n\r\n"), archive])));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (let turn = 0; turn < 10; turn++) {
      await using source = dockerDaemonSource({ host, reference: "app:1" });
      assert.deepEqual((await source.read(amd64)).names, ["app:1"]);
    }
  });

  it("reads an image, and keeps no file with a name", async (t) => {
    const bytes = await archiveBytes();
    const daemon = await startFakeDaemon(t, (_request, response) => void response.end(bytes));
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    const image = await source.read(amd64);
    assert.deepEqual(await leftovers(), []);
    assert.equal(source.name, "docker-daemon:app:1");
    assert.deepEqual(image.names, ["app:1"]);
    for (const [index, layer] of image.layers.entries()) {
      const parts: Buffer[] = [];
      for await (const chunk of layer.open()) parts.push(Buffer.from(chunk));
      assert.ok(Buffer.concat(parts).equals(layers[index]!.bytes));
    }
    await daemon.closed();
    // Reading again asks the daemon nothing.
    assert.equal((await source.read(amd64)).config.descriptor.digest, image.config.descriptor.digest);
    assert.deepEqual(daemon.requests, ["GET /images/app:1/get"]);
  });

  it("asks for names with Docker's defaults, and for IDs as they are", async (t) => {
    const daemon = await startFakeDaemon(t, (_request, response) => void response.writeHead(404).end("{}"));
    const id = "1".repeat(64);
    for (const reference of ["docker.io/library/app", "localhost:5000/a/b:c", id, `sha256:${id}`]) {
      await using source = dockerDaemonSource({ host: daemon.host, reference });
      await fails(source.read(amd64), "IMAGE_NOT_FOUND", /could not save/);
    }
    assert.deepEqual(daemon.requests, [
      "GET /images/app:latest/get",
      "GET /images/localhost:5000/a/b:c/get",
      `GET /images/${id}/get`,
      `GET /images/sha256:${id}/get`,
    ]);
  });

  it("tells the daemon's words for an image that isn't there", async (t) => {
    const daemon = await startFakeDaemon(t, (_request, response) => {
      response.writeHead(404).end(JSON.stringify({ message: "no such image: app:1" }));
    });
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    const words = /^the Docker daemon could not save app:1: no such image: app:1$/;
    await fails(source.read(amd64), "IMAGE_NOT_FOUND", words);
  });

  it("fails and leaves nothing when the daemon hangs up in the middle", async (t) => {
    const bytes = await archiveBytes();
    const daemon = await startFakeDaemon(t, async (_request, response) => {
      await new Promise((resolve) => response.write(bytes.subarray(0, 20_000), resolve));
      response.destroy();
    });
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    await fails(source.read(amd64), "NETWORK", /broke the connection off before it could save app:1/);
    assert.deepEqual(await leftovers(), []);
    await daemon.closed();
  });

  it("fails for an archive that is cut short, and leaves nothing", async (t) => {
    const bytes = await archiveBytes();
    const daemon = await startFakeDaemon(
      t,
      (_request, response) => void response.end(bytes.subarray(0, 20_000)),
    );
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    await fails(source.read(amd64), "INVALID_TAR", /docker-daemon:app:1/);
    assert.deepEqual(await leftovers(), []);
  });

  it("refuses an image for another platform than the one asked for, and only then", async (t) => {
    const bytes = await archiveBytes();
    const daemon = await startFakeDaemon(t, (_request, response) => void response.end(bytes));
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    const platform = { os: "linux", architecture: "arm64" };
    await fails(
      source.read({ platform, strict: true }),
      "IMAGE_NOT_FOUND",
      /linux\/amd64 only, not for linux\/arm64/,
    );
    assert.equal((await source.read({ platform })).layers.length, 2);
  });

  it("stops when its signal says so", async (t) => {
    const stop = new AbortController();
    const daemon = await startFakeDaemon(t, async (_request, response) => {
      await new Promise((resolve) => response.write("x".repeat(1000), resolve));
      stop.abort();
    });
    await using source = dockerDaemonSource({ host: daemon.host, reference: "app:1" });
    await fails(source.read({ ...amd64, signal: stop.signal }), "ABORTED", /cancelled/);
    assert.deepEqual(await leftovers(), []);
    await daemon.closed();
  });
});
