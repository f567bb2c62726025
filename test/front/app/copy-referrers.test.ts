import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { attach, copyWithReferrers, inspect, type Machine, referrers, referrerTree } from "#app";
import { type Descriptor, encodeDocument, type ImageIndex, type Manifest, MediaType } from "#oci";
import { artifactManifest, type ReferrerNode, referrersTag } from "#referrers";
import { FakeRegistry, type ReferrersSupport } from "#testing";
import { fails } from "../../places/registry/support/setup.ts";
import { artifact, machineFor, registryWithImage, SBOM, writeIndex } from "../../support/referrers.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SLSA = "https://slsa.dev/provenance/v1";

/** A place for an index, which is named anew with each call. */
type NewPlace = (t: TestContext) => Promise<string>;

const registryPlace =
  (support: ReferrersSupport): NewPlace =>
  async (t) => {
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    registry.referrers = support;
    return `docker://${registry.host}/app:1`;
  };

const PLACES: Readonly<Record<string, NewPlace>> = {
  "a registry": registryPlace({}),
  "a registry without the API": registryPlace({ api: false }),
  "a layout": async (t) => `oci:${join(await temporaryFolder(t), "layout")}:1`,
};

/**
 * An index over two images and a BuildKit attestation of one, with an SBOM and its signature, a signature of the index, and
 * old tags.
 */
async function world(
  ref: string,
  machine: Machine,
): Promise<{ index: Descriptor; images: readonly Descriptor[] }> {
  const options = { machine };
  const base = ref.replace(/:1$/, ":base");
  const { images } = await writeIndex(base, machine);
  await using store = await machine.transports.referrerStore(base);
  const put = async (manifest: Manifest, tag?: string) => {
    const document = encodeDocument(manifest, MediaType.ociManifest);
    await store.put(document, { tag, signal: undefined });
    return document.descriptor;
  };
  const blob = async (text: string, mediaType: string) => {
    const { descriptor, bytes } = encodeDocument({ text }, mediaType);
    const open = async function* () {
      yield bytes;
    };
    await store.blobs.put({ descriptor, open });
    return descriptor;
  };
  const config = await blob("config", MediaType.ociConfig);
  const statement = await blob("statement", "application/vnd.in-toto+json");
  const attestation = await put({
    ...{ schemaVersion: 2, mediaType: MediaType.ociManifest, config },
    layers: [{ ...statement, annotations: { "in-toto.io/predicate-type": SLSA } }],
  });
  const manifests: Descriptor[] = [
    ...images,
    {
      ...attestation,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": images[1]!.digest,
      },
    },
  ];
  const value: ImageIndex = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
  const document = encodeDocument(value, MediaType.ociIndex);
  const sink = await machine.transports.sink(ref);
  await sink.writeIndex!(document, { signal: undefined });
  const index = document.descriptor;

  const sbom = await attach(ref, { ...artifact("sbom"), platform: "linux/amd64" }, options);
  const subject = { mediaType: sbom.mediaType, digest: sbom.digest, size: sbom.size };
  const signature = artifactManifest({ artifactType: BUNDLE, blobs: [] }, subject);
  await store.putReferrers(sbom.digest, [signature], undefined);
  const annotations = { "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1" };
  await attach(ref, { artifactType: BUNDLE, blobs: [], annotations }, options);
  const layers = [await blob("old", "application/vnd.dev.cosign.simplesigning.v1+json")];
  const old = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers } as const;
  await put(old, `${referrersTag(index.digest)}.sig`);
  await put({ ...old, annotations: { a: "b" } }, `${referrersTag(images[1]!.digest)}.att`);
  return { index, images };
}

/** A tree as short lines. */
function lines(
  { relation, kind, fault, unlisted, tag, descriptor, children }: ReferrerNode,
  depth = 0,
): string[] {
  const { platform, artifactType } = descriptor;
  const words = [
    relation ?? "root",
    platform?.architecture,
    artifactType,
    kind,
    tag?.slice(-4),
    (fault ?? unlisted) && "FAULT",
  ];
  const line = "  ".repeat(depth) + words.filter((word) => word !== undefined).join(" | ");
  return [line, ...children.flatMap((child) => lines(child, depth + 1))];
}

const TREE = [
  "root",
  "  platform | amd64",
  `    referrer | ${SBOM} | SBOM (CycloneDX)`,
  `      referrer | ${BUNDLE} | signature`,
  "  platform | arm64",
  "    attestation | provenance",
  "    tag | attestation | .att",
  `  referrer | ${BUNDLE} | signature`,
  "  tag | signature | .sig",
];

for (const [from, newSource] of Object.entries(PLACES)) {
  describe(`what hangs on an index in ${from}`, () => {
    for (const [to, newDestination] of Object.entries(PLACES).filter(([to]) => to !== from)) {
      it(`is copied, all of it, to ${to}`, async (t) => {
        const options = { machine: machineFor(t) };
        const source = await newSource(t);
        const { index } = await world(source, options.machine);
        const { tree } = await referrerTree(source, options);
        assert.deepEqual(lines(tree), TREE);
        const destination = await newDestination(t);
        const warnings: string[] = [];
        const copied = await copyWithReferrers(source, destination, {
          ...options,
          onWarning: (sentence) => warnings.push(sentence),
        });
        assert.deepEqual(warnings, []);
        assert.equal(copied.digest, index.digest);
        assert.equal(copied.images.length, 2);
        assert.equal(copied.referrers, 5);
        assert.deepEqual((await referrerTree(destination, options)).tree, tree);
        assert.equal((await inspect(destination, options)).description.index?.digest, index.digest);
      });
    }
  });
}

describe("copying with what hangs on an image", () => {
  it("stays behind for the most part where one image is copied", async (t) => {
    const options = { machine: machineFor(t) };
    const source = await PLACES["a layout"]!(t);
    const { images } = await world(source, options.machine);
    const destination = (await PLACES["a registry"]!(t)).replace("app:1", "app:one");
    const copied = await copyWithReferrers(source, destination, { ...options, platform: "linux/amd64" });
    assert.equal(copied.digest, images[0]!.digest);
    assert.equal(copied.manifests, undefined);
    assert.equal(copied.images[0]?.digest, images[0]!.digest);
    const { tree } = await referrerTree(destination, options);
    assert.deepEqual(lines(tree).slice(1), [
      `  referrer | ${SBOM} | SBOM (CycloneDX)`,
      `    referrer | ${BUNDLE} | signature`,
    ]);
  });

  it("mounts blobs within a registry", async (t) => {
    const { ref, registry, options } = await registryWithImage(t);
    await attach(ref, artifact("one"), options);
    registry.requests.length = 0;
    await copyWithReferrers(ref, ref.replace("/app:", "/other:"), options);
    // The image's config is sent with the image.
    assert.equal(registry.log.filter((line) => line.startsWith("PUT /v2/other/blobs")).length, 1);
    assert.equal((await referrers(ref.replace("/app:", "/other:"), {}, options)).length, 1);
  });

  it("is refused for places without room for it, and with another compression", async (t) => {
    const { ref, options } = await registryWithImage(t);
    for (const to of ["docker-archive:x.tar", "oci-archive:x.tar", "docker-daemon:x:1"])
      await fails(copyWithReferrers(ref, to, options), "USAGE", /nothing can be attached to an image in/);
    const compression = { algorithm: "zstd" } as const;
    await fails(
      copyWithReferrers(ref, "oci:x", { ...options, compression }),
      "USAGE",
      /leave one of the two out/,
    );
  });

  it("leaves behind, with a warning, what hangs on something else or isn't there", async (t) => {
    const { ref, registry, image, options } = await registryWithImage(t, { api: false });
    const one = await attach(ref, artifact("one"), options);
    const elsewhere = artifactManifest(artifact("x"), { ...image, digest: one.digest });
    const gone = artifactManifest(artifact("gone"), image);
    await using store = await options.machine.transports.referrerStore(ref);
    await store.put(elsewhere, { signal: undefined });
    const tag = referrersTag(image.digest);
    const list = JSON.parse(registry.manifests.get(`app:${tag}`)!.bytes.toString());
    list.manifests.push(elsewhere.descriptor, gone.descriptor);
    registry.manifests.set(`app:${tag}`, {
      bytes: Buffer.from(JSON.stringify(list)),
      mediaType: MediaType.ociIndex,
    });
    const { tree } = await referrerTree(ref, options);
    assert.deepEqual(
      tree.children.map(({ fault }) => fault?.replaceAll(/sha256:\w+/g, "D")),
      [
        undefined,
        `${registry.host}/app:1 lists D as a referrer of D, but it has the subject D; don't trust it`,
        `${registry.host} has no ${registry.host}/app@D`,
      ],
    );
    const warnings: string[] = [];
    const onWarning = (sentence: string) => warnings.push(sentence);
    const to = await PLACES["a registry"]!(t);
    const copied = await copyWithReferrers(ref, to, { ...options, onWarning });
    assert.equal(copied.referrers, 1);
    assert.equal(warnings.length, 2);
    assert.deepEqual(await referrers(to, {}, options), [one]);
  });

  it("goes round in no circle, and not too deep", async (t) => {
    const { ref, registry, image, options } = await registryWithImage(t);
    await using store = await options.machine.transports.referrerStore(ref);
    let subject = image;
    for (let depth = 0; depth < 20; depth++) {
      const next = artifactManifest({ artifactType: SBOM, blobs: [] }, subject);
      await store.putReferrers(subject.digest, [next], undefined);
      subject = next.descriptor;
    }
    const deep = lines((await referrerTree(ref, options)).tree);
    assert.equal(deep.length, 13);
    assert.match(deep.at(-1)!, /FAULT/);
    // Whatever is asked for, the registry lists the image and the first artifact.
    const [first] = await referrers(ref, {}, options);
    registry.quirk = (_request, response, { path }) => {
      if (!path.includes("/referrers/")) return false;
      response
        .writeHead(200, { "content-type": MediaType.ociIndex })
        .end(JSON.stringify({ schemaVersion: 2, manifests: [first, image, first] }));
      return true;
    };
    const { tree } = await referrerTree(ref, options);
    assert.deepEqual(
      tree.children.map(({ fault, isRepeated, children }) => [
        fault !== undefined,
        isRepeated,
        children.length,
      ]),
      [
        [false, undefined, 3],
        [true, undefined, 0],
        [false, true, 0],
      ],
    );
    assert.ok(tree.children[0]!.children.every(({ fault }) => fault !== undefined));
  });
});

describe("the tree of what hangs on an image", () => {
  it("has all that could be read where a list can't be", async (t) => {
    const { ref, registry, image, options } = await registryWithImage(t, { api: false });
    const bytes = registry.manifests.get(`app:${image.digest}`)!;
    registry.manifests.set(`app:${referrersTag(image.digest)}`, bytes);
    registry.manifests.set(`app:${referrersTag(image.digest)}.sig`, bytes);
    const { tree } = await referrerTree(ref, options);
    assert.match(tree.unlisted ?? "", /is one manifest where an index of referrers is wanted/);
    assert.deepEqual(
      tree.children.map(({ tag, kind, isRepeated }) => [tag, kind, isRepeated]),
      [[`${referrersTag(image.digest)}.sig`, "signature", true]],
    );
  });

  it("isn't there where the registry fails", async (t) => {
    const { ref, registry, options } = await registryWithImage(t);
    for (const text of ["1", "2", "3"]) await attach(ref, artifact(text), options);
    registry.quirk = (_request, response, { path }) => {
      if (!path.endsWith(".sig")) return false;
      response.writeHead(418).end();
      return true;
    };
    await fails(referrerTree(ref, options), "REGISTRY_PROTOCOL", /418/);
  });

  it("isn't waited for once the registry has failed", { timeout: 300_000 }, async (t) => {
    const { ref, registry, options } = await registryWithImage(t);
    const asked = Promise.withResolvers<void>();
    const leftAlone = Promise.withResolvers<void>();
    registry.quirk = (_request, response, { path }) => {
      if (path.endsWith(".att")) {
        // It never answers this.
        response.on("close", leftAlone.resolve);
        asked.resolve();
        return true;
      }
      if (!path.endsWith(".sig")) return false;
      void asked.promise.then(() => response.writeHead(418).end());
      return true;
    };
    await fails(referrerTree(ref, options), "REGISTRY_PROTOCOL", /418/);
    await leftAlone.promise;
  });
});
