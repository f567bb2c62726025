/** What a push asks a registry before it sends. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { isChunked } from "#compress";
import { RegistryClient, registrySink, registrySource } from "#registry";
import { writeImage } from "#write";
import { draftWith, plainLayer } from "../../support/drafts.ts";
import { blocks, END, header } from "../../support/tar.ts";
import { setUp } from "./support/setup.ts";

const SMALL = 1000;
/** Larger than a question is worth. */
const LARGE = 100_000;

describe("a blob that isn't in the tag's image yet", () => {
  it("is sent without a question if it is small", async (t) => {
    const push = await pusher(t);
    await push(["one", "two"], SMALL);
    assert.deepEqual(await push(["one", "three"], SMALL), { questions: 0, uploads: 2 });
  });

  it("is asked for if it is large", async (t) => {
    const push = await pusher(t);
    await push(["one", "two"], LARGE);
    assert.deepEqual(await push(["one", "three"], LARGE), { questions: 1, uploads: 2 });
  });

  it("is asked for if the tag names no image that could tell what is new", async (t) => {
    const push = await pusher(t);
    assert.deepEqual(await push(["one", "two"], SMALL), { questions: 3, uploads: 3 });
  });
});

describe("a blob of an image in another repository of the registry", () => {
  /** Pushes an image by one client; another reads it, and pushes one that has a layer of it. What the latter asked. */
  const pushOther = async (t: TestContext, refuse = false) => {
    const { registry, client, http, reference } = await setUp(t);
    await writeImage(draftWith(["one", "two"], LARGE), [
      registrySink({ client, reference: reference("team/app:1") }),
    ]);
    const other = new RegistryClient({ registry: registry.host, http });
    const source = registrySource({ client: other, reference: reference("team/app:1") });
    await source.read({ platform: { os: "linux", architecture: "amd64" } });
    if (refuse)
      registry.quirk = ({ url }, response) => {
        const isMount = url!.includes("mount=");
        if (isMount) response.writeHead(404).end();
        return isMount;
      };
    registry.requests.length = 0;
    const sink = registrySink({ client: other, reference: reference("team/other:1") });
    const [written] = await writeImage(draftWith(["one", "three"], LARGE), [sink]);
    const { requests } = registry;
    return {
      outcomes: written!.layers.map(({ outcome }) => outcome),
      mounts: requests.filter(({ query }) => query.has("mount")).length,
      // The config is another.
      uploads: requests.filter(({ method, path }) => method === "PUT" && path.includes("/uploads/")).length,
    };
  };

  it("is mounted if that image was read", async (t) => {
    assert.deepEqual(await pushOther(t), { outcomes: ["mounted", "written"], mounts: 1, uploads: 2 });
  });

  it("is sent if it can't be mounted, which is tried once", async (t) => {
    assert.deepEqual(await pushOther(t, true), { outcomes: ["written", "written"], mounts: 1, uploads: 3 });
  });
});

describe("a push in zstd:chunked", () => {
  /** A layer that is an archive, so that it can list what is in it. */
  const archive = Buffer.concat([header("a", { size: 1 }), blocks("a"), END]);
  const draft = {
    ...draftWith([]),
    layers: async function* () {
      yield plainLayer(archive);
    },
  };
  const compression = { algorithm: "zstd:chunked" } as const;

  for (const [ranges, warnings] of [
    ["both", 0],
    ["the whole", 1],
    ["501", 1],
  ] as const) {
    it(`says ${warnings === 0 ? "nothing" : "that podman fetches all"} if the registry answers two ranges with ${ranges}`, async (t) => {
      const { registry, client, reference } = await setUp(t);
      registry.quirk = ({ method, headers }, response) => {
        if (method !== "GET" || headers.range === undefined) return false;
        if (ranges === "both")
          response.writeHead(206, { "content-type": "multipart/byteranges; boundary=x" }).end("--x--");
        else if (ranges === "the whole") response.writeHead(200).end("whole");
        else response.writeHead(501).end();
        return true;
      };
      const told: string[] = [];
      const sink = registrySink({ client, reference: reference("team/app:1") });
      const [written] = await writeImage(draft, [sink], {
        compression,
        onWarning: (sentence) => told.push(sentence),
      });
      assert.ok(isChunked(written!.layers[0]!.descriptor));
      assert.equal(told.length, warnings);
      for (const sentence of told) assert.match(sentence, /podman fetches layers in zstd:chunked whole/);
    });
  }
});

/** Pushes layers of these seeds and size to one tag, and counts what the registry was asked. */
async function pusher(t: TestContext) {
  const { client, events, reference } = await setUp(t);
  const sink = registrySink({ client, reference: reference("team/app:1") });
  return async (seeds: readonly string[], size: number) => {
    events.length = 0;
    await writeImage(draftWith(seeds, size), [sink]);
    const are = (method: string, path: string) =>
      events.filter(
        ({ type, ...sent }) => type === "request" && sent.method === method && sent.url.includes(path),
      ).length;
    return { questions: are("HEAD", "/blobs/"), uploads: are("PUT", "/blobs/uploads/") };
  };
}
