import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Descriptor, digestOf, encodeDocument, type Manifest, MediaType, type RawDocument } from "#oci";
import { artifactManifest, referrersTag } from "#referrers";
import { HttpClient, RegistryClient } from "#registry";
import { type FakeRegistry, FakeServer } from "#testing";
import { fails, otherServer, type Setup, setUp } from "./support/setup.ts";

const REPOSITORY = "team/app";
const SUBJECT: Descriptor = {
  mediaType: MediaType.ociManifest,
  digest: digestOf(Buffer.from("an image")),
  size: 8,
};
const TAG = referrersTag(SUBJECT.digest);
const TYPE = "application/vnd.test";

/** An artifact without blobs; each number's is another. */
function artifact(number: number): RawDocument<Manifest> {
  return artifactManifest({ artifactType: TYPE, blobs: [], annotations: { number: `${number}` } }, SUBJECT);
}

const listed = (number: number) => ({
  ...artifact(number).descriptor,
  artifactType: TYPE,
  annotations: { number: `${number}` },
});

const upload = (...numbers: number[]) => ({
  repository: REPOSITORY,
  subject: SUBJECT.digest,
  documents: numbers.map(artifact),
});

const query = { repository: REPOSITORY, digest: SUBJECT.digest };

/** What the subject's tag has. */
function tagIn(registry: FakeRegistry) {
  const found = registry.manifests.get(`${REPOSITORY}:${TAG}`);
  return found && JSON.parse(found.bytes.toString());
}

function plant(registry: FakeRegistry, value: object, mediaType: string = MediaType.ociIndex): void {
  registry.manifests.set(`${REPOSITORY}:${TAG}`, { bytes: Buffer.from(JSON.stringify(value)), mediaType });
}

async function withoutApi(t: TestContext, conditional = false): Promise<Setup> {
  const setup = await setUp(t);
  setup.registry.referrers = { api: false, conditional };
  return setup;
}

const puts = ({ registry }: Setup) =>
  registry.log.filter((line) => line.endsWith(`manifests/${TAG}`) && /^PUT/.test(line));

describe("referrers in a registry with the API", () => {
  it("need no tag", async (t) => {
    const { registry, client } = await setUp(t);
    await client.putReferrers(upload(1, 2));
    assert.equal(tagIn(registry), undefined);
    assert.deepEqual(await client.referrers(query), [listed(1), listed(2)]);
  });

  it("have the config's type where they say none", async (t) => {
    const { registry, client } = await setUp(t);
    const { artifactType: _, ...value } = artifact(1).value;
    const old = encodeDocument(
      { ...value, config: { ...value.config, mediaType: "application/vnd.old.config" } },
      MediaType.ociManifest,
    );
    for (const api of [true, false]) {
      registry.referrers = { api };
      await client.putReferrers({ ...upload(), documents: [old] });
      const [found] = await client.referrers({ ...query, artifactType: "application/vnd.old.config" });
      assert.equal(found?.digest, old.descriptor.digest);
    }
  });

  it("are read page by page, whatever is filtered", async (t) => {
    const setup = await setUp(t);
    for (const filters of [true, false]) {
      setup.registry.referrers = { page: 2, filters };
      await setup.client.putReferrers(upload(1, 2, 3, 4, 5));
      assert.equal((await setup.client.referrers({ ...query, artifactType: TYPE })).length, 5);
      assert.deepEqual(await setup.client.referrers({ ...query, artifactType: "a/b" }), []);
    }
  });

  it("are refused where their pages don't end, or go on elsewhere", async (t) => {
    const { registry, client } = await setUp(t);
    let link = "";
    registry.quirk = (_request, response, { path }) => {
      if (!path.includes("/referrers/")) return false;
      response
        .writeHead(200, { "content-type": MediaType.ociIndex, link: `<${link}>; rel="next"` })
        .end(JSON.stringify({ schemaVersion: 2, manifests: [] }));
      return true;
    };
    link = `/v2/${REPOSITORY}/referrers/${SUBJECT.digest}`;
    await fails(client.referrers(query), "REGISTRY_PROTOCOL", /no end of pages/);
    for (link of ["http://127.0.0.1:1/v2/", "http://[", "file:///etc/passwd"])
      await fails(client.referrers(query), "REGISTRY_PROTOCOL", /as the next page of/);
  });

  it("are bounded in number, and in bytes", async (t) => {
    const { registry, client } = await setUp(t);
    const manifests = Array.from({ length: 6000 }, (_, number) => ({
      ...SUBJECT,
      digest: digestOf(Buffer.from(String(number))),
    }));
    let page = 0;
    let large = false;
    registry.quirk = (_request, response, { path }) => {
      if (!path.includes("/referrers/")) return false;
      const body = { schemaVersion: 2, manifests, padding: large ? "x".repeat(4 << 20) : "" };
      response
        .writeHead(200, { "content-type": MediaType.ociIndex, link: `<${path}?page=${++page}>; rel="next"` })
        .end(JSON.stringify(body));
      return true;
    };
    await fails(client.referrers(query), "TOO_LARGE", /more than the 10000 referrers/);
    assert.equal(page, 2);
    large = true;
    await fails(client.referrers(query), "TOO_LARGE", /4194304 bytes/);
  });
});

describe("referrers in a registry without the API", () => {
  it("are listed at the subject's tag, with their types and annotations", async (t) => {
    const { registry, client } = await withoutApi(t);
    await client.putReferrers(upload(1));
    await client.putReferrers(upload(2, 3));
    assert.deepEqual(tagIn(registry), {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [listed(1), listed(2), listed(3)],
    });
    assert.deepEqual(await client.referrers(query), [listed(1), listed(2), listed(3)]);
  });

  it("are found whatever the registry answers instead", async (t) => {
    const { registry, client } = await withoutApi(t);
    await client.putReferrers(upload(1));
    const people = await otherServer(t, new FakeServer());
    const answers: [number, Record<string, string>][] = [
      ...[400, 401, 403, 404, 405, 406, 501].map((status): [number, Record<string, string>] => [status, {}]),
      [303, { location: `${people.url}/page` }],
      [200, { "content-type": "text/html" }],
      [200, { "content-type": "application/json" }],
    ];
    for (const [status, headers] of answers) {
      registry.quirk = (_request, response, { path }) => {
        if (!path.includes("/referrers/")) return false;
        response.writeHead(status, headers).end("<html>");
        return true;
      };
      assert.deepEqual(await client.referrers(query), [listed(1)], String(status));
    }
    assert.deepEqual(people.requests, []);
    registry.quirk = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    await fails(client.referrers(query), "UNAUTHORIZED", /does not allow the manifest of .*:sha256-/);
  });

  it("are found though the registry got the API since, or says that it has one", async (t) => {
    const { registry, client } = await withoutApi(t);
    await client.putReferrers(upload(1));
    registry.quirk = (_request, response, { path }) => {
      if (!path.includes("/referrers/")) return false;
      response
        .writeHead(200, { "content-type": MediaType.ociIndex })
        .end(JSON.stringify({ schemaVersion: 2, manifests: [] }));
      return true;
    };
    assert.deepEqual(await client.referrers(query), [listed(1)]);
  });

  it("are listed where a registry leads to, too", async (t) => {
    const { registry, client } = await setUp(t);
    await client.putReferrers(upload(1));
    registry.quirk = (_request, response, { path }) => {
      if (!path.startsWith(`/v2/${REPOSITORY}/referrers/`)) return false;
      if (path.endsWith("/there")) {
        response
          .writeHead(200, { "content-type": MediaType.ociIndex })
          .end(JSON.stringify({ schemaVersion: 2, manifests: [listed(2)] }));
      } else response.writeHead(307, { location: `/v2/${REPOSITORY}/referrers/there` }).end();
      return true;
    };
    assert.deepEqual(await client.referrers(query), [listed(2)]);
  });

  it("need one change of the tag for all, and none if all are there", async (t) => {
    const setup = await withoutApi(t);
    await setup.client.putReferrers(upload(1, 2, 3));
    await setup.client.putReferrers(upload(2, 1));
    assert.equal(puts(setup).length, 1);
  });

  it("keep what others have written, and get what others left out", async (t) => {
    const { registry, client } = await withoutApi(t);
    const { annotations: _, ...poor } = listed(1);
    const foreign = { ...SUBJECT, digest: digestOf(Buffer.from("foreign")), data: "eA==" };
    plant(registry, { schemaVersion: 2, manifests: [poor, foreign], annotations: { mine: "yes" } });
    await client.putReferrers(upload(1));
    const index = tagIn(registry);
    assert.deepEqual(index.manifests, [foreign, listed(1)]);
    assert.deepEqual(index.annotations, { mine: "yes" });
  });

  it("are as long a tag as there may be for a long digest", () => {
    const digest = digestOf(Buffer.from("x"), "sha512");
    assert.equal(referrersTag(digest), `sha512-${digest.slice(7, 71)}`);
    assert.equal(referrersTag(SUBJECT.digest), SUBJECT.digest.replace(":", "-"));
  });

  it("aren't written over an image that has the tag", async (t) => {
    const { registry, client } = await withoutApi(t);
    const { value, descriptor } = artifact(7);
    plant(registry, value, descriptor.mediaType);
    await fails(
      client.putReferrers(upload(1)),
      "INVALID_MANIFEST",
      /one manifest where an index of referrers/,
    );
    await fails(client.referrers(query), "INVALID_MANIFEST", /remove or rename that tag/);
    assert.deepEqual(tagIn(registry), value);
  });

  it("are bounded", async (t) => {
    const { registry, client } = await withoutApi(t);
    const many = (count: number) =>
      Array.from({ length: count }, (_, number) => ({
        ...SUBJECT,
        digest: digestOf(Buffer.from(`${number}`)),
      }));
    plant(registry, { schemaVersion: 2, manifests: many(100_000) });
    await fails(client.referrers(query), "TOO_LARGE", /4194304 bytes/);
    plant(registry, { schemaVersion: 2, manifests: many(10_001) });
    await fails(client.referrers(query), "TOO_LARGE", /more than the 10000 referrers/);
    plant(registry, { schemaVersion: 2, manifests: many(10_000) });
    await fails(client.putReferrers(upload(1)), "TOO_LARGE", /would list 10001 referrers/);
  });
});

describe("several who write to the list at a tag", () => {
  /** Holds the reading of the list back until so many have asked for it, each time. */
  function meeting({ registry }: Setup, count: number): void {
    let waiting: (() => void)[] = [];
    registry.quirk = async (_request, _response, { method, path }) => {
      if (count < 2 || method !== "GET" || !path.endsWith(`manifests/${TAG}`)) return false;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < count) return;
        count = 0;
        for (const go of waiting) go();
        waiting = [];
      });
      return false;
    };
  }

  it("lose nothing of each other's", async (t) => {
    const setup = await withoutApi(t);
    const http = new HttpClient();
    t.after(() => http.close());
    const numbers = [1, 2, 3, 4];
    // All have read the empty list before one of them puts its own.
    meeting(setup, numbers.length);
    await Promise.all(
      numbers.map((number) =>
        new RegistryClient({ registry: setup.registry.host, http }).putReferrers(upload(number)),
      ),
    );
    const found = (await setup.client.referrers(query)).map(({ digest }) => digest);
    assert.deepEqual([...found].sort(), numbers.map((number) => listed(number).digest).sort());
    assert.ok(puts(setup).length > numbers.length, "they got in each other's way");
  });

  it("lose nothing, however slow one is, where the registry heeds If-Match", async (t) => {
    const setup = await withoutApi(t, true);
    await setup.client.putReferrers(upload(0));
    let isSlow = true;
    setup.registry.quirk = async (_request, _response, { method, path }) => {
      if (!isSlow || method !== "PUT" || !path.endsWith(`manifests/${TAG}`)) return false;
      isSlow = false;
      // Another one comes and is done, between this one's reading and its putting.
      await setup.client.putReferrers(upload(2));
      return false;
    };
    await setup.client.putReferrers(upload(1));
    const found = (await setup.client.referrers(query)).map(({ digest }) => digest);
    assert.deepEqual(
      found,
      [0, 2, 1].map((number) => listed(number).digest),
    );
  });

  it("give up some time, and say what to do", async (t) => {
    const setup = await withoutApi(t);
    const { registry } = setup;
    const empty = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] };
    registry.quirk = (_request, _response, { method, path }) => {
      if (method === "GET" && path.endsWith(`manifests/${TAG}`)) plant(registry, empty);
      return false;
    };
    await fails(
      setup.client.putReferrers(upload(1)),
      "CONFLICT",
      /30 times in a row; try again when they are done/,
    );
    assert.equal(puts(setup).length, 30);
    assert.deepEqual([...new Set(setup.pauses)], [300]);
  });
});
