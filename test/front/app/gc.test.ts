import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { collectGarbage, type GcReport, type Machine, thisMachine } from "#app";
import { type Digest, digestOf, MediaType } from "#oci";
import { FakeRegistry, fail } from "#testing";
import { pushSharedCache } from "#transports";
import { DAY, keyOf, layerOf, NOW, openAt } from "../../layers/cache/support/samples.ts";
import { fails } from "../../places/registry/support/setup.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const REPOSITORY = "team/app";

/** A repository that is filled by hand. */
class Repository {
  readonly registry: FakeRegistry;
  readonly machine: Machine;

  constructor(registry: FakeRegistry, machine: Machine) {
    this.registry = registry;
    this.machine = machine;
  }

  static async start(t: TestContext): Promise<Repository> {
    const registry = await new FakeRegistry().start();
    const machine = thisMachine({ cache: await temporaryFolder(t) });
    t.after(async () => {
      await machine[Symbol.asyncDispose]();
      await registry.stop();
    });
    return new Repository(registry, { ...machine, now: () => new Date(NOW) });
  }

  blob(content: string | Uint8Array, mediaType = "application/octet-stream") {
    const bytes = Buffer.from(content);
    return { mediaType, digest: this.registry.addBlob(REPOSITORY, bytes), size: bytes.length };
  }

  put(value: object, tag?: string): Digest {
    const { mediaType } = value as { mediaType: string };
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    for (const name of [digest, ...(tag === undefined ? [] : [tag])]) {
      this.registry.manifests.set(`${REPOSITORY}:${name}`, { bytes, mediaType });
    }
    return digest;
  }

  /** An image of a layer of its own and one that all have; made so many days ago, or at no time that it says. */
  image(
    name: string,
    { tag, days, subject }: { tag?: string; days?: number; subject?: Digest } = {},
  ): Digest {
    const created = days === undefined ? "1970-01-01T00:00:01Z" : new Date(NOW - days * DAY).toISOString();
    const config = { created, architecture: "amd64", os: "linux", name };
    const value = {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: this.blob(JSON.stringify(config), MediaType.ociConfig),
      layers: [this.blob(`the layer of ${name}`.padEnd(1000)), this.blob("a layer of all".padEnd(5000))],
      ...(subject !== undefined && {
        subject: { mediaType: MediaType.ociManifest, digest: subject, size: 1 },
      }),
    };
    return this.put(value, tag);
  }

  index(manifests: readonly Digest[], tag?: string): Digest {
    const entries = manifests.map((digest) => ({ mediaType: MediaType.ociManifest, digest, size: 500 }));
    return this.put({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: entries }, tag);
  }

  remove(digest: Digest): void {
    for (const [key, { bytes }] of this.registry.manifests) {
      if (digestOf(bytes) === digest) this.registry.manifests.delete(key);
    }
  }

  get names(): string[] {
    return [...this.registry.manifests.keys()].map((key) => key.slice(REPOSITORY.length + 1)).sort();
  }

  collect(options: Parameters<typeof collectGarbage>[1] = {}): Promise<GcReport> {
    return collectGarbage(`${this.registry.host}/${REPOSITORY}`, { machine: this.machine, ...options });
  }
}

/** What was found, by the tags or else the digest, and why. */
function why({ garbage }: GcReport): Record<string, string> {
  return Object.fromEntries(
    garbage.map(({ digest, tags, reason }) => [tags.join(" ") || digest, reason.kind]),
  );
}

const dashed = (digest: Digest, ending = "") => `${digest.replace(":", "-")}${ending}`;

describe("what nothing in a repository needs", () => {
  it("is what hangs on images that are gone: signatures at cosign's tags, and lists of referrers with all they list", async (t) => {
    const repository = await Repository.start(t);
    const here = repository.image("here", { tag: "1" });
    const gone = repository.image("gone", { tag: "2" });
    repository.image("signature", { tag: dashed(here, ".sig") });
    repository.image("old signature", { tag: dashed(gone, ".sig") });
    const one = repository.image("statement", { subject: here });
    repository.index([one], dashed(here));
    const other = repository.image("old statement", { subject: gone });
    repository.index([other], dashed(gone));
    assert.deepEqual(why(await repository.collect()), {});
    repository.remove(gone);
    const report = await repository.collect();
    assert.deepEqual(why(report), { [dashed(gone, ".sig")]: "subject-gone", [dashed(gone)]: "subject-gone" });
    assert.equal(report.shared, 5000);
    assert.ok(report.freed > 2000 && report.freed < 5000, String(report.freed));
    const before = repository.names;
    assert.deepEqual(before.filter((name) => name.includes(dashed(gone))).length, 2);
    assert.equal((await repository.collect({ delete: true })).removed, true);
    const after = repository.names;
    assert.deepEqual(
      before.filter((name) => !after.includes(name) && !name.startsWith("sha256:")),
      [dashed(gone), dashed(gone, ".sig")].sort(),
    );
    assert.ok(!after.includes(other) && after.includes(one) && after.includes(here));
    assert.deepEqual(why(await repository.collect()), {});
  });

  it("isn't what hangs on an image that has no tag and is there", async (t) => {
    const repository = await Repository.start(t);
    const untagged = repository.image("untagged");
    repository.image("signature", { tag: dashed(untagged, ".sig") });
    assert.deepEqual(why(await repository.collect()), {});
  });

  it("is what is too old, with what hangs on it, except what a kept tag names", async (t) => {
    const repository = await Repository.start(t);
    repository.image("new", { tag: "new", days: 3 });
    const old = repository.image("old", { tag: "old", days: 100 });
    repository.image("statement", { subject: old });
    repository.image("signature", { tag: dashed(old, ".sig") });
    repository.image("release", { tag: "v1.0.0", days: 200 });
    const both = repository.image("both", { tag: "nightly", days: 150 });
    repository.registry.manifests.set(
      `${REPOSITORY}:v0.9.0`,
      repository.registry.manifests.get(`${REPOSITORY}:${both}`)!,
    );
    repository.image("undated", { tag: "undated" });
    const parts = [repository.image("amd64", { days: 300 }), repository.image("arm64", { days: 10 })];
    repository.index(parts, "multi");
    const options = { olderThan: 90, keepTags: /^v\d/ };
    const report = await repository.collect(options);
    assert.deepEqual(Object.values(why(report)).sort(), ["old", "subject-gone", "untagged"]);
    assert.equal(why(report)["old"], "old");
    assert.deepEqual(report.undated, ["undated"]);
    await repository.collect({ ...options, delete: true });
    const left = repository.names.filter((name) => !name.startsWith("sha256:"));
    assert.deepEqual(left, ["multi", "new", "nightly", "undated", "v0.9.0", "v1.0.0"]);
    assert.ok(parts.every((digest) => repository.names.includes(digest)));
  });

  it("is what was named and isn't any more, of manifests that are given", async (t) => {
    const repository = await Repository.start(t);
    const [tagged, child, lost] = [
      repository.image("tagged", { tag: "1" }),
      repository.image("child"),
      repository.image("lost"),
    ];
    repository.index([child], "2");
    const statement = repository.image("statement", { subject: tagged });
    const never = digestOf(Buffer.from("never there"));
    const report = await repository.collect({ untagged: [tagged, child, lost, statement, never] });
    assert.deepEqual(why(report), { [lost]: "untagged" });
  });

  it("is a part of a shared cache that nothing names", async (t) => {
    const repository = await Repository.start(t);
    const { registry, machine } = repository;
    const client = await machine.transports.client(registry.host);
    const push = async (tag: string, number: number) => {
      const cache = openAt(await temporaryFolder(t));
      cache.putLayer(keyOf(number), layerOf(number));
      const reference = { registry: registry.host, repository: REPOSITORY, tag };
      await pushSharedCache(client, { reference, cache, pause: async () => {} });
    };
    await push("one", 1);
    await push("two", 2);
    assert.deepEqual(why(await repository.collect()), {});
    registry.manifests.delete(`${REPOSITORY}:two`);
    const found = why(await repository.collect());
    assert.deepEqual(Object.values(found), ["cache-gone"]);
    assert.match(Object.keys(found)[0]!, /^two\.c2-/);
    // Where nothing can be removed, segments that others have replaced stay until it can.
    registry.quirk = (_request, response, { method }) => {
      if (method === "DELETE") fail(response, 405, "UNSUPPORTED", "never");
      return method === "DELETE";
    };
    for (let number = 3; number < 15; number++) await push("one", number);
    const replaced = Object.values(why(await repository.collect())).filter((kind) => kind === "replaced");
    assert.ok(replaced.length > 3, String(replaced.length));
    registry.quirk = undefined;
    await repository.collect({ delete: true });
    assert.deepEqual(why(await repository.collect()), {});
  });

  it("isn't what an index names though it is gone, nor what can't be read; both are told of", async (t) => {
    const repository = await Repository.start(t);
    const [here, gone] = [repository.image("here"), repository.image("gone")];
    repository.index([here, gone], "1");
    repository.remove(gone);
    repository.put({ mediaType: MediaType.ociManifest, schemaVersion: 1 }, "ancient");
    const report = await repository.collect();
    assert.deepEqual(why(report), {});
    assert.deepEqual(report.missing, [{ digest: gone, namedBy: "1" }]);
    assert.equal(report.unread[0]?.name, "ancient");
    assert.match(report.unread[0]!.why, /schema 1/);
    // Nobody knows whether that names it.
    const untagged = [repository.image("nameless")];
    assert.deepEqual(why(await repository.collect({ untagged })), {});
  });

  it("stays where the registry removes nothing, which it says in one sentence", async (t) => {
    const repository = await Repository.start(t);
    const gone = repository.image("gone");
    repository.image("signature", { tag: dashed(gone, ".sig") });
    repository.remove(gone);
    repository.registry.quirk = (_request, response, { method }) => {
      if (method === "DELETE") fail(response, 405, "UNSUPPORTED", "never");
      return method === "DELETE";
    };
    await fails(
      repository.collect({ delete: true }),
      "REGISTRY_PROTOCOL",
      /^127\.0\.0\.1:\d+ doesn't remove anything from team\/app, or not for this user/,
    );
  });

  it("is a job's result of which no image has the layer that stays, when no jobs are under way", async (t) => {
    const repository = await Repository.start(t);
    const job = (name: string, digit: string) =>
      repository.put(
        {
          schemaVersion: 2,
          mediaType: MediaType.ociManifest,
          config: repository.blob(`the result of ${name}`),
          layers: [repository.blob(`the layer of ${name}`.padEnd(1000))],
        },
        `varve-layer-${digit.repeat(64)}`,
      );
    repository.image("here", { tag: "1", days: 1 });
    const old = repository.image("old", { tag: "2", days: 50 });
    job("here", "a");
    const ofOld = job("old", "b");
    job("nobody", "c");
    repository.image("tag", { tag: "varve-layer-other" });
    assert.deepEqual(why(await repository.collect()), {});
    // Nothing says when a result was made, and nobody asks for that.
    const { undated } = await repository.collect({ olderThan: 30 });
    assert.deepEqual(undated, ["varve-layer-other"]);
    const report = await repository.collect({ olderThan: 30, unusedJobs: true });
    assert.deepEqual(why(report), {
      "2": "old",
      [`varve-layer-${"b".repeat(64)}`]: "unused-job",
      [`varve-layer-${"c".repeat(64)}`]: "unused-job",
    });
    assert.deepEqual(why(await repository.collect({ unusedJobs: true })), {
      [`varve-layer-${"c".repeat(64)}`]: "unused-job",
    });
    await repository.collect({ olderThan: 30, unusedJobs: true, delete: true });
    assert.deepEqual(
      repository.names.filter((name) => !name.startsWith("sha256:")),
      ["1", `varve-layer-${"a".repeat(64)}`, "varve-layer-other"],
    );
    assert.ok(![old, ofOld].some((digest) => repository.names.includes(digest)));
    assert.deepEqual(why(await repository.collect({ olderThan: 30, unusedJobs: true })), {});
  });
});

describe("what nothing in a layout needs", () => {
  /** A layout with an image, and a blob beside it. */
  async function layout(t: TestContext) {
    const path = join(await temporaryFolder(t), "layout");
    mkdirSync(join(path, "blobs/sha256"), { recursive: true });
    const put = (bytes: string | Uint8Array) => {
      const digest = digestOf(Buffer.from(bytes));
      writeFileSync(join(path, "blobs/sha256", digest.slice("sha256:".length)), bytes);
      return { digest, size: bytes.length };
    };
    const config = { mediaType: MediaType.ociConfig, ...put("{}") };
    const layer = { mediaType: MediaType.ociLayer, ...put("a layer") };
    const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer] };
    const entry = { mediaType: MediaType.ociManifest, ...put(JSON.stringify(manifest)) };
    writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    const lost = put("nobody's");
    return { path, put, lost, layer };
  }

  const blobsOf = (path: string) => readdirSync(join(path, "blobs/sha256"));

  it("is known exactly, and removed when told", async (t) => {
    const { path, lost } = await layout(t);
    const report = await collectGarbage(`oci:${path}`);
    assert.deepEqual(
      report.garbage.map(({ digest, bytes, reason }) => [digest, bytes, reason.kind]),
      [[lost.digest, 8, "unnamed"]],
    );
    assert.equal(blobsOf(path).length, 4);
    assert.equal((await collectGarbage(`oci:${path}`, { delete: true })).freed, 8);
    assert.equal(blobsOf(path).length, 3);
    assert.deepEqual((await collectGarbage(`oci:${path}`)).garbage, []);
  });

  it("stays while somebody writes, or where something can't be read that may name it", async (t) => {
    const { path } = await layout(t);
    mkdirSync(join(path, ".varve-ingest"));
    writeFileSync(join(path, ".varve-ingest/of-somebody"), "");
    await fails(collectGarbage(`oci:${path}`, { delete: true }), "CONFLICT", /another process writes to/);
    assert.equal(blobsOf(path).length, 4);
    const broken = await layout(t);
    const entry = { mediaType: MediaType.ociManifest, ...broken.put("no manifest") };
    writeFileSync(join(broken.path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    await fails(collectGarbage(`oci:${broken.path}`, { delete: true }), "INVALID_JSON", /./);
    assert.equal(blobsOf(broken.path).length, 5);
  });

  it("is told of together with what is missing", async (t) => {
    const { path } = await layout(t);
    const gone = { mediaType: MediaType.ociManifest, digest: digestOf(Buffer.from("gone")), size: 4 };
    writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [gone] }));
    const { missing, garbage } = await collectGarbage(`oci:${path}`);
    assert.deepEqual(missing, [{ digest: gone.digest, namedBy: "index.json" }]);
    assert.equal(garbage.length, 4);
  });

  it("isn't looked for in other places", async () => {
    await fails(
      collectGarbage("docker-archive:x.tar"),
      "USAGE",
      /name a repository of a registry, or oci:FOLDER/,
    );
  });
});
