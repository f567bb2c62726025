import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { dockerDaemonSink } from "#daemon";
import { DockerArchive, dockerArchiveSink, fileOutput } from "#formats";
import type { Layer } from "#image";
import { digestOf } from "#oci";
import { writeImage } from "#write";
import { members } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { bodyOf, type FakeDaemon, startFakeDaemon } from "./support/fake-daemon.ts";
import { fails, imageOf, type WatchedLayer, watchedLayer } from "./support/images.ts";

/** More than what sockets and their buffers hold. */
const LARGE = 8 * 1024 * 1024;

const loaded = `${JSON.stringify({ stream: "Loaded image: app:1\n" })}\r\n`;
const failed = `${JSON.stringify({ errorDetail: { message: "no space left\non device" }, error: "no space" })}\r\n`;

/** Waits until a request's body has begun to come, and takes no more of it. */
async function firstChunk(request: IncomingMessage): Promise<void> {
  await once(request, "data");
  request.pause();
}

/** Loads layers into a daemon; in the end, however it goes, they are closed and so are the connections. */
async function load(
  daemon: FakeDaemon,
  layers: readonly WatchedLayer[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    await writeImage(imageOf(layers, ["app:1"]), [dockerDaemonSink({ host: daemon.host })], { signal });
  } finally {
    for (const layer of layers) assert.equal(layer.closed, layer.opened);
    await daemon.closed();
  }
}

async function openArchive(t: TestContext, bytes: Uint8Array): Promise<DockerArchive> {
  const path = join(await temporaryFolder(t), "archive.tar");
  await writeFile(path, bytes);
  const archive = await DockerArchive.open(path);
  t.after(() => archive[Symbol.asyncDispose]());
  return archive;
}

describe("the Docker daemon's sink", () => {
  it("sends a docker-archive whose layers arrive as they are, whatever the size of their chunks", async (t) => {
    const bodies: Buffer[] = [];
    const daemon = await startFakeDaemon(t, async (request, response) => {
      // A daemon that is slow makes the socket hold what it was given.
      request.pause();
      await new Promise((resolve) => setImmediate(resolve));
      bodies.push(await bodyOf(request));
      response.end(loaded);
    });
    for (const step of [37, 65_535, 65_536, 300_000]) {
      const layers = [watchedLayer(step * 12, step), watchedLayer(step * 5, step)];
      const sink = dockerDaemonSink({ host: daemon.host });
      const [written] = await writeImage(imageOf(layers, ["app:1", "app:2"]), [sink]);
      const archive = await openArchive(t, bodies.pop()!);
      const [image] = archive.images;
      assert.deepEqual(image.names, ["app:1", "app:2"]);
      assert.equal(written!.descriptor.digest, image.config.descriptor.digest);
      for (const [index, layer] of image.layers.entries()) {
        const parts: Buffer[] = [];
        for await (const chunk of layer.open()) parts.push(Buffer.from(chunk));
        assert.ok(Buffer.concat(parts).equals(layers[index]!.bytes), `layer ${index} in chunks of ${step}`);
      }
      assert.deepEqual(
        layers.map(({ opened, closed }) => [opened, closed]),
        [
          [1, 1],
          [1, 1],
        ],
      );
    }
    assert.deepEqual(new Set(daemon.requests), new Set(["POST /images/load?quiet=1"]));
  });

  it("names the image as it is told, with Docker's defaults", async (t) => {
    let body: Uint8Array = Buffer.alloc(0);
    const daemon = await startFakeDaemon(t, async (request, response) => {
      body = await bodyOf(request);
      response.end(loaded);
    });
    const sink = dockerDaemonSink({ host: daemon.host, reference: "docker.io/other" });
    assert.equal(sink.name, "docker-daemon:other:latest");
    await writeImage(imageOf([watchedLayer(10)], ["app:1"]), [sink]);
    const archive = await openArchive(t, body);
    assert.deepEqual(archive.images[0].names, ["other:latest"]);
  });

  it("fails with the words of an error that the daemon reports at the end", async (t) => {
    const daemon = await startFakeDaemon(t, async (request, response) => {
      await bodyOf(request);
      response.write(loaded);
      // However it is cut.
      response.write(failed.slice(0, 20));
      await new Promise((resolve) => setImmediate(resolve));
      response.end(failed.slice(20).trimEnd());
    });
    const words = /^the Docker daemon could not load the image: no space left on device$/;
    await fails(load(daemon, [watchedLayer(1000)]), "DAEMON", words);
  });

  it("fails with the words of an error that the daemon reports while it is being sent to", async (t) => {
    const daemon = await startFakeDaemon(t, async (request, response) => {
      await firstChunk(request);
      response.end(failed, () => request.resume());
    });
    await fails(load(daemon, [watchedLayer(LARGE, 100_000)]), "DAEMON", /no space left on device/);
  });

  it("fails with the words of a refusal that comes while it is sending, on a connection closed after it", async (t) => {
    const daemon = await startFakeDaemon(t, async (request, response) => {
      await firstChunk(request);
      response.writeHead(500, { connection: "close" });
      response.end(JSON.stringify({ message: "the daemon is shutting down" }));
      response.on("finish", () => request.socket.destroySoon());
    });
    const words = /could not load the image \(500\): the daemon is shutting down$/;
    await fails(load(daemon, [watchedLayer(LARGE, 100_000)]), "DAEMON", words);
  });

  it("doesn't take success for success before the daemon has the whole image", async (t) => {
    const daemon = await startFakeDaemon(t, async (request, response) => {
      await firstChunk(request);
      response.end(loaded, () => request.resume());
    });
    await fails(load(daemon, [watchedLayer(LARGE, 100_000)]), "DAEMON", /before it had all of it/);
  });

  it("says that the daemon broke off when it hangs up while it is being sent to", async (t) => {
    const daemon = await startFakeDaemon(t, async (request) => {
      await firstChunk(request);
      request.socket.destroy();
    });
    await fails(load(daemon, [watchedLayer(LARGE, 100_000)]), "NETWORK", /broke the connection off/);
  });

  it("says that the daemon broke off when it hangs up in the middle of its answer", async (t) => {
    const daemon = await startFakeDaemon(t, async (request, response) => {
      await bodyOf(request);
      await new Promise((resolve) => response.write(loaded, resolve));
      request.socket.destroy();
    });
    await fails(load(daemon, [watchedLayer(1000)]), "NETWORK", /broke the connection off/);
  });

  /** What an engine says that has an image of these layers. */
  const withLayers = (layers: readonly Layer[], status: readonly unknown[] = []) => ({
    "/info": { DriverStatus: status },
    "/version": {},
    "/images/json": [{ Id: "sha256:1" }],
    "/images/sha256:1/json": { RootFS: { Layers: layers.map(({ diffId }) => diffId) } },
  });

  it("sends only layers that the engine doesn't have with the same ones below them", async (t) => {
    const bodies: Buffer[] = [];
    const [a, b, c, d] = [watchedLayer(1), watchedLayer(2), watchedLayer(3), watchedLayer(4)];
    const daemon = await startFakeDaemon(
      t,
      async (request, response) => {
        bodies.push(await bodyOf(request));
        response.end(loaded);
      },
      withLayers([a, b, c]),
    );
    const details: string[] = [];
    const layers = [a, b, d, c, b];
    const sinks = [dockerDaemonSink({ host: daemon.host })];
    const onDetail = (sentence: string) => void details.push(sentence);
    const [written] = await writeImage(imageOf(layers, ["app:1"]), sinks, { onDetail });
    const files = (await members(bodies[0]!)).map(({ entry }) => entry.name);
    const fileOf = ({ diffId }: Layer) => `${diffId.slice("sha256:".length)}/layer.tar`;
    // The engine has c, but not on top of d; and b, but not twice.
    assert.deepEqual(
      files.filter((name) => name.endsWith("layer.tar")),
      [fileOf(d), fileOf(c), fileOf(b)],
    );
    assert.deepEqual(
      written!.layers.map(({ outcome }) => outcome),
      ["present", "present", "written", "written", "written"],
    );
    assert.equal(a.opened, 0);
    assert.deepEqual(details, ["the engine was sent 3 of 5 layers, since it has the others"]);
  });

  it("sends everything to an engine that takes neither an archive without some layers nor a pull", async (t) => {
    const bodies: Buffer[] = [];
    const [a, b] = [watchedLayer(1), watchedLayer(2)];
    const daemon = await startFakeDaemon(
      t,
      async (request, response) => {
        const body = await bodyOf(request);
        if (!request.url!.startsWith("/images/load")) {
          response.writeHead(500).end(JSON.stringify({ message: "connection refused" }));
          return;
        }
        bodies.push(body);
        response.end(bodies.length === 1 ? failed : loaded);
      },
      withLayers([a]),
    );
    const details: string[] = [];
    const onDetail = (sentence: string) => void details.push(sentence);
    // With another sink, layers are handed out before they are read again.
    const path = `${await temporaryFolder(t)}/copy.tar`;
    const sinks = [dockerDaemonSink({ host: daemon.host }), dockerArchiveSink({ output: fileOutput(path) })];
    await writeImage(imageOf([a, b], ["app:1"]), sinks, { onDetail });
    const archive = await openArchive(t, bodies[1]!);
    assert.equal(archive.images[0].layers.length, 2);
    assert.deepEqual(archive.images[0].names, ["app:1"]);
    assert.match(
      details.join("\n"),
      /^the engine didn't take .*no space left.*\nthe engine couldn't pull .*refused/,
    );
    assert.equal(details.at(-1), "the engine is sent all layers");
    assert.deepEqual(
      daemon.requests.map((request) => request.replace(/\?.*/, "")),
      ["POST /images/load", "POST /images/create", "POST /images/load"],
    );
  });

  it("is pulled from by an engine that keeps images in containerd, by digest and at a place that nobody guesses", async (t) => {
    const [a, b] = [watchedLayer(1), watchedLayer(200_000)];
    const pulled: string[] = [];
    const asked: string[] = [];
    const daemon = await startFakeDaemon(
      t,
      async (request, response) => {
        const { pathname, searchParams: query } = new URL(request.url!, "http://x");
        asked.push(
          `${request.method} ${pathname.replace(/:\d+\/varve-[0-9a-f]{32}@sha256:\w+/, ":PORT/NAME@DIGEST")}`,
        );
        if (pathname === "/images/create") {
          const [host, name] = query.get("fromImage")!.split("/");
          const get = async (path: string) =>
            Buffer.from(await (await fetch(`http://${host}/v2/${path}`)).arrayBuffer());
          assert.match(host!, /^127\.0\.0\.1:\d+$/);
          assert.equal((await fetch(`http://${host}/v2/other/manifests/${query.get("tag")}`)).status, 404);
          const bytes = await get(`${name}/manifests/${query.get("tag")}`);
          assert.equal(digestOf(bytes), query.get("tag"));
          const { layers, config } = JSON.parse(bytes.toString());
          for (const { digest } of [config, layers[1]]) {
            assert.equal(digestOf(await get(`${name}/blobs/${digest}`)), digest);
            pulled.push(digest);
          }
        }
        // It may keep the name that it pulled the image by.
        if (request.method === "DELETE") response.writeHead(409);
        response.end(asked.length === 2 ? JSON.stringify({ status: "ok" }) : "");
      },
      withLayers([a], [["driver-type", "io.containerd.snapshotter.v1"]]),
    );
    const details: string[] = [];
    const onDetail = (sentence: string) => void details.push(sentence);
    const sinks = [dockerDaemonSink({ host: daemon.host })];
    const [written] = await writeImage(imageOf([a, b], ["app:1", "ghcr.io/me/app:2"]), sinks, { onDetail });
    assert.deepEqual(pulled, [written!.config.digest, b.descriptor.digest]);
    assert.deepEqual(asked, [
      "POST /images/create",
      "GET /images/127.0.0.1:PORT/NAME@DIGEST/json",
      "POST /images/127.0.0.1:PORT/NAME@DIGEST/tag",
      "POST /images/127.0.0.1:PORT/NAME@DIGEST/tag",
      "DELETE /images/127.0.0.1:PORT/NAME@DIGEST",
    ]);
    const tags = daemon.requests
      .filter((request) => request.includes("/tag?"))
      .map((request) => request.split("?")[1]);
    assert.deepEqual(tags, ["repo=docker.io%2Flibrary%2Fapp&tag=1", "repo=ghcr.io%2Fme%2Fapp&tag=2"]);
    assert.deepEqual(details, ["the engine has pulled 1 of 2 layers from varve"]);
    assert.deepEqual(
      written!.layers.map(({ outcome }) => outcome),
      ["present", "written"],
    );
  });

  it("sends an engine that keeps images in containerd, and fetched too little, the image as it is to be pulled", async (t) => {
    const [a, b] = [watchedLayer(1), watchedLayer(2)];
    const bodies: Buffer[] = [];
    let digest: string | null = null;
    const daemon = await startFakeDaemon(
      t,
      async (request, response) => {
        const { pathname, searchParams: query } = new URL(request.url!, "http://x");
        const body = await bodyOf(request);
        if (pathname === "/images/load") bodies.push(body);
        if (pathname === "/images/create") {
          digest = query.get("tag");
          const [host, name] = query.get("fromImage")!.split("/");
          await (await fetch(`http://${host}/v2/${name}/manifests/${digest}`)).arrayBuffer();
        }
        const manifests = [
          { ID: "sha256:other", Available: true },
          { ID: digest, Available: false },
        ];
        response.end(request.method === "GET" ? JSON.stringify({ Manifests: manifests }) : loaded);
      },
      withLayers([a], [["driver-type", "io.containerd.snapshotter.v1"]]),
    );
    const details: string[] = [];
    const onDetail = (sentence: string) => void details.push(sentence);
    await writeImage(imageOf([a, b], ["app:1"]), [dockerDaemonSink({ host: daemon.host })], { onDetail });
    const [archive, ...more] = bodies;
    assert.equal(more.length, 0);
    const files = new Map(
      (await members(archive!)).map(({ entry, offset }) => [
        entry.name,
        archive!.subarray(offset, offset + entry.size),
      ]),
    );
    const blob = (digest: string) => files.get(`blobs/sha256/${digest.slice("sha256:".length)}`)!;
    for (const { descriptor, bytes } of [a, b]) assert.ok(blob(descriptor.digest).equals(bytes));
    const [entry, ...others] = JSON.parse(files.get("index.json")!.toString()).manifests;
    assert.equal(others.length, 0);
    assert.equal(entry.digest, digest);
    assert.equal(digestOf(blob(digest!)), digest);
    assert.equal(entry.annotations["io.containerd.image.name"], "docker.io/library/app:1");
    assert.equal(details.at(-1), "the engine is sent all layers");
    // It has no name until it is whole.
    assert.ok(!daemon.requests.some((request) => request.includes("/tag?")));
  });

  it("says what to do when no daemon is there", async (t) => {
    const socket = join(await temporaryFolder(t), "docker.sock");
    const layer = watchedLayer(1000);
    const attempt = () => writeImage(imageOf([layer]), [dockerDaemonSink({ host: `unix://${socket}` })]);
    await fails(attempt(), "NETWORK", /there is no such socket; start it, or set DOCKER_HOST/);

    await writeFile(socket, "");
    await fails(attempt(), "NETWORK", /the connection was refused; start it, or set DOCKER_HOST/);
    assert.equal(layer.opened, 0);
  });

  it("loads over TCP on loopback", async (t) => {
    let body = "";
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        const text = chunk.toString("latin1");
        if (text.startsWith("GET ")) socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        else body += text;
        if (body.endsWith("0\r\n\r\n")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const sink = dockerDaemonSink({ host: `tcp://127.0.0.1:${port}` });
    await writeImage(imageOf([watchedLayer(1000)]), [sink]);
    assert.match(
      body,
      new RegExp(`^POST /images/load\\?quiet=1 HTTP/1.1\r\n(.+\r\n)*Host: 127.0.0.1:${port}\r\n`),
    );
  });

  /** A daemon that says how the archive that it got ended. */
  async function receiver(t: TestContext): Promise<{ daemon: FakeDaemon; ended: Promise<string> }> {
    const end = Promise.withResolvers<string>();
    const daemon = await startFakeDaemon(t, async (request) => {
      end.resolve(
        await bodyOf(request).then(
          () => "whole",
          () => "cut off",
        ),
      );
    });
    return { daemon, ended: end.promise };
  }

  it("passes on what a layer fails with, and the daemon gets no whole archive", async (t) => {
    const { daemon, ended } = await receiver(t);
    const layer = watchedLayer(1000);
    const changed: Layer = { ...watchedLayer(9000), open: () => watchedLayer(1000).open() };
    const sink = dockerDaemonSink({ host: daemon.host });
    await fails(writeImage(imageOf([layer, changed]), [sink]), "SIZE_MISMATCH", /should have 20480 bytes/);
    assert.equal(await ended, "cut off");
    await daemon.closed();
  });

  it("cuts the archive off when it is given up", async (t) => {
    const { daemon, ended } = await receiver(t);
    const layer = watchedLayer(100_000);
    {
      await using writer = await dockerDaemonSink({ host: daemon.host }).open({});
      await writer.layer(layer);
    }
    assert.equal(await ended, "cut off");
    assert.deepEqual([layer.opened, layer.closed], [1, 1]);
    await daemon.closed();
  });

  it("stops when its signal says so, also while the daemon is at work", async (t) => {
    const stop = new AbortController();
    const daemon = await startFakeDaemon(t, async (request) => {
      await bodyOf(request);
      stop.abort();
    });
    await fails(load(daemon, [watchedLayer(1000)], stop.signal), "ABORTED", /cancelled/);
  });

  it("refuses hosts that it doesn't speak to, and names that an archive can't give", () => {
    const refused = (options: { host: string; reference?: string }) => {
      let code: unknown;
      try {
        dockerDaemonSink(options);
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      return code;
    };
    for (const host of [
      "ssh://user@host",
      "tcp://192.0.2.1:2376",
      "npipe:////./pipe/docker_engine",
      "/run/x",
    ]) {
      assert.equal(refused({ host }), "USAGE", host);
    }
    const host = "unix:///run/docker.sock";
    assert.equal(refused({ host, reference: `app@sha256:${"a".repeat(64)}` }), "USAGE");
    assert.equal(refused({ host, reference: "App" }), "INVALID_REFERENCE");
    assert.equal(refused({ host, reference: "app" }), undefined);
  });
});
