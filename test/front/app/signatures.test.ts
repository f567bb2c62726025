import assert from "node:assert/strict";
import { createPrivateKey, sign as signBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { attest, type Machine, referrers, type SignatureDemand, sign, thisMachine, verify } from "#app";
import { preAuthEncoding, STATEMENT_TYPE, statementAbout } from "#attest";
import { type Digest, digestOf, encodeDocument, type Manifest, MediaType } from "#oci";
import type { FakeRegistry } from "#testing";
import { layoutWithImage, registryWithImage, writeIndex } from "../../support/referrers.ts";
import { writeKeys } from "../../support/signing-keys.ts";
import { SIGNER, startSigstore } from "../../support/sigstore.ts";
import { simpleSigning } from "../../support/simple-signing.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** A machine with another environment. */
const withEnvironment = (machine: Machine, environment: Record<string, string>): Machine => ({
  ...machine,
  environment,
});

const fails = (run: Promise<unknown>, code: string, wording: RegExp) =>
  assert.rejects(run, (error: Error & { code?: string }) => {
    assert.match(error.message, wording);
    assert.equal(error.code, code);
    return true;
  });

const PLACES = {
  "a registry that lists what hangs on images": (t: TestContext) => registryWithImage(t),
  "a registry that doesn't": (t: TestContext) => registryWithImage(t, { api: false }),
  "a layout": (t: TestContext) => layoutWithImage(t),
};

for (const [place, made] of Object.entries(PLACES)) {
  describe(`signing in ${place}`, () => {
    it("is verified with the key, and with no other", async (t) => {
      const folder = await temporaryFolder(t);
      const [mine, theirs] = [writeKeys(folder), writeKeys(folder, { name: "their" })];
      const { ref, image, options } = await made(t);
      const { signed } = await sign(ref, { ...options, key: mine.key, annotations: { by: "me" } });
      assert.deepEqual(
        signed.map(({ digest, predicateType }) => ({ digest, predicateType })),
        [{ digest: image.digest, predicateType: "https://sigstore.dev/cosign/sign/v1" }],
      );
      const found = await verify(ref, { ...options, key: mine.pub });
      assert.equal(found.digest, image.digest);
      assert.deepEqual(found.verified[0]!.annotations, { by: "me" });
      await fails(
        verify(ref, { ...options, key: theirs.pub }),
        "NOT_VERIFIED",
        new RegExp(
          `\\(${image.digest}\\) has no signature that holds: the bundle sha256:[0-9a-f]{64} is signed with another key than `,
        ),
      );
      const [listed] = await referrers(ref, { artifactType: BUNDLE }, options);
      assert.deepEqual(listed!.annotations, {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
      });
    });

    it("has what is attested beside it, each by its type", async (t) => {
      const { key, pub } = writeKeys(await temporaryFolder(t));
      const { ref, options } = await made(t);
      await attest(ref, { ...options, key, type: "cyclonedx", predicate: { bomFormat: "CycloneDX" } });
      await fails(verify(ref, { ...options, key: pub }), "NOT_VERIFIED", /has no signature$/);
      await sign(ref, { ...options, key });
      await verify(ref, { ...options, key: pub });
      const found = await verify(ref, { ...options, key: pub, type: "cyclonedx" });
      assert.deepEqual(found.verified[0]!.predicate, { bomFormat: "CycloneDX" });
      await fails(
        verify(ref, { ...options, key: pub, type: "spdx" }),
        "NOT_VERIFIED",
        /has no attestation of type spdx$/,
      );
    });
  });
}

describe("an image", () => {
  it("is refused if it is unsigned", async (t) => {
    const { pub } = writeKeys(await temporaryFolder(t));
    const { ref, options, image } = await registryWithImage(t);
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      new RegExp(`^127\\.0\\.0\\.1:\\d+/app:1 \\(${image.digest}\\) has no signature$`),
    );
  });

  it("is verified if one of several signatures holds, and the others are told of", async (t) => {
    const folder = await temporaryFolder(t);
    const [mine, theirs] = [writeKeys(folder), writeKeys(folder, { name: "their" })];
    const { ref, options } = await registryWithImage(t);
    for (const { key } of [theirs, mine, theirs]) await sign(ref, { ...options, key });
    const found = await verify(ref, { ...options, key: mine.pub });
    assert.equal(found.verified.length, 1);
    assert.equal(found.others.length, 2);
    assert.match(found.others[0]!, /is signed with another key than /);
  });

  it("has annotations that can be demanded", async (t) => {
    const { key, pub } = writeKeys(await temporaryFolder(t));
    const { ref, options } = await registryWithImage(t);
    await sign(ref, { ...options, key, annotations: { stage: "test" } });
    await verify(ref, { ...options, key: pub, annotations: { stage: "test" } });
    await fails(
      verify(ref, { ...options, key: pub, annotations: { stage: "production" } }),
      "NOT_VERIFIED",
      /the bundle sha256:\S+ doesn't say stage=production$/,
    );
  });

  it("of several platforms is signed as an index, and with each of them if that is asked for", async (t) => {
    const { key, pub } = writeKeys(await temporaryFolder(t));
    const { registry, options } = await registryWithImage(t);
    const ref = `docker://${registry.host}/both:1`;
    const { index, images } = await writeIndex(ref, options.machine);
    await sign(ref, { ...options, key });
    assert.equal((await verify(ref, { ...options, key: pub })).digest, index.digest);
    await fails(
      verify(ref, { ...options, key: pub, platform: "linux/arm64" }),
      "NOT_VERIFIED",
      /has no signature$/,
    );
    const { signed } = await sign(ref, { ...options, key, recursive: true });
    assert.deepEqual(
      signed.map(({ digest, platform }) => [digest, platform?.architecture]),
      [[index.digest, undefined], ...images.map(({ digest, platform }) => [digest, platform?.architecture])],
    );
    const found = await verify(ref, { ...options, key: pub, platform: "linux/arm64" });
    assert.equal(found.digest, images[1]!.digest);
  });

  it("is refused with a bundle that was attached to another one", async (t) => {
    const { key, pub } = writeKeys(await temporaryFolder(t));
    const { registry, ref, options, image } = await registryWithImage(t);
    const other = `docker://${registry.host}/other:1`;
    const { images } = await writeIndex(`docker://${registry.host}/app:2`, options.machine);
    await sign(`docker://${registry.host}/app@${images[0]!.digest}`, { ...options, key });
    // What hangs on one is said to hang on the other.
    const [theirs] = await referrers(`docker://${registry.host}/app@${images[0]!.digest}`, {}, options);
    const { bytes } = registry.manifests.get(`app:${theirs!.digest}`)!;
    const moved = Buffer.from(bytes.toString().replaceAll(images[0]!.digest, image.digest));
    registry.manifests.set(`app:${digestOf(moved)}`, { bytes: moved, mediaType: MediaType.ociManifest });
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      new RegExp(`the bundle ${digestOf(moved)} is about another image, ${images[0]!.digest}`),
    );
    assert.ok(other);
  });

  it("is refused with what is no bundle, and with one that is too large", async (t) => {
    const { key, pub } = writeKeys(await temporaryFolder(t));
    const { registry, ref, options, image } = await registryWithImage(t);
    const attach = (blob: Buffer, size = blob.length) => {
      const digest = registry.addBlob("app", blob) as Digest;
      const manifest: Manifest = {
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        artifactType: BUNDLE,
        config: {
          mediaType: "application/vnd.oci.empty.v1+json",
          digest: registry.addBlob("app", Buffer.from("{}")) as Digest,
          size: 2,
        },
        layers: [{ mediaType: BUNDLE, digest, size }],
        subject: image,
      };
      const { bytes, descriptor } = encodeDocument(manifest, MediaType.ociManifest);
      registry.manifests.set(`app:${descriptor.digest}`, {
        bytes: Buffer.from(bytes),
        mediaType: MediaType.ociManifest,
      });
    };
    attach(Buffer.from("garbage"));
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      /holds: the bundle sha256:\S+ is not valid JSON/,
    );
    attach(Buffer.from("{}"), 40_000_000);
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      /has more than the 33554432 bytes allowed/,
    );
    // And yet nobody can keep a good one from being found.
    await sign(ref, { ...options, key });
    assert.equal((await verify(ref, { ...options, key: pub })).others.length, 2);
  });
});

describe("what older cosign put under a tag", () => {
  /** Puts a signature, or an attestation, where cosign 2 does. */
  function put(
    registry: FakeRegistry,
    image: string,
    { layer, annotations, suffix }: { layer: Buffer; annotations: Record<string, string>; suffix: string },
  ) {
    const mediaType =
      suffix === "sig"
        ? "application/vnd.dev.cosign.simplesigning.v1+json"
        : "application/vnd.dsse.envelope.v1+json";
    const config = Buffer.from("{}");
    const manifest = {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: {
        mediaType: MediaType.ociConfig,
        digest: registry.addBlob("app", config),
        size: config.length,
      },
      layers: [{ mediaType, digest: registry.addBlob("app", layer), size: layer.length, annotations }],
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.manifests.set(`app:${image.replace(":", "-")}.${suffix}`, {
      bytes,
      mediaType: MediaType.ociManifest,
    });
  }

  it("is verified, and refused if it is about another image", async (t) => {
    const { pem, pub } = writeKeys(await temporaryFolder(t));
    const { registry, ref, options, image } = await registryWithImage(t);
    const key = createPrivateKey(pem);
    const putSignature = (layer: Buffer) => {
      const signature = signBytes("sha256", layer, key).toString("base64");
      put(registry, image.digest, {
        layer,
        annotations: { "dev.cosignproject.cosign/signature": signature },
        suffix: "sig",
      });
    };
    putSignature(simpleSigning(image.digest));
    const found = await verify(ref, { ...options, key: pub });
    assert.equal(found.verified[0]!.form, "simplesigning");
    putSignature(simpleSigning(digestOf(Buffer.from("other"))));
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      /\.sig is about another image, sha256:/,
    );

    const statement = statementAbout(image.digest as Digest, {
      predicateType: "https://cyclonedx.org/bom",
      predicate: { a: 1 },
    });
    const envelope = { payloadType: STATEMENT_TYPE, payload: statement };
    const sig = signBytes("sha256", preAuthEncoding(envelope), key).toString("base64");
    const layer = Buffer.from(
      JSON.stringify({ ...envelope, payload: envelope.payload.toString("base64"), signatures: [{ sig }] }),
    );
    put(registry, image.digest, { layer, annotations: {}, suffix: "att" });
    const attested = await verify(ref, { ...options, key: pub, type: "cyclonedx" });
    assert.deepEqual(attested.verified[0]!.predicate, { a: 1 });
  });
});

describe("a key", () => {
  it("is in a variable, if that is named, and its passphrase in one, too", async (t) => {
    const passphrase = "never shown";
    const { pem, pub } = writeKeys(await temporaryFolder(t), { passphrase });
    const { ref, options } = await registryWithImage(t);
    const given = (environment: Record<string, string>) => ({
      machine: withEnvironment(options.machine, environment),
      key: "env://MY_KEY",
    });
    for (const name of ["COSIGN_PASSWORD", "VARVE_KEY_PASSWORD"]) {
      await sign(ref, given({ MY_KEY: pem, [name]: passphrase }));
    }
    await sign(ref, { ...given({ MY_KEY: pem }), askPassphrase: async () => passphrase });
    assert.equal((await verify(ref, { ...options, key: pub })).verified.length, 3);
    await fails(
      sign(ref, given({})),
      "NOT_FOUND",
      /^the environment has no variable MY_KEY, which env:\/\/MY_KEY names$/,
    );
    await fails(
      sign(ref, given({ MY_KEY: pem })),
      "INVALID_KEY",
      /^env:\/\/MY_KEY is encrypted, and there is no passphrase/,
    );
    await fails(
      sign(ref, given({ MY_KEY: pem, COSIGN_PASSWORD: "other" })),
      "INVALID_KEY",
      /^the passphrase doesn't open env:\/\/MY_KEY$/,
    );
  });

  it("isn't asked of other services", async (t) => {
    const { ref, options } = await registryWithImage(t);
    await fails(
      sign(ref, { ...options, key: "awskms:///alias/me" }),
      "USAGE",
      /^varve reads keys from files and from env:\/\/NAME/,
    );
  });

  it("that can't be opened leaves the registry alone", async (t) => {
    const { registry, ref, options } = await registryWithImage(t);
    registry.requests.length = 0;
    await fails(sign(ref, { ...options, key: "/nowhere.key" }), "NOT_FOUND", /nowhere\.key/);
    assert.equal(registry.requests.length, 0);
  });
});

describe("what is demanded", () => {
  it("is one thing, and all of it", async () => {
    await using machine = thisMachine({ cache: false });
    const demand = (given: SignatureDemand, wording: RegExp) =>
      fails(verify("docker://127.0.0.1:1/app", { machine, ...given }), "USAGE", wording);
    await demand({}, /^say whose signature is demanded/);
    await demand(
      { key: "a", certificateIdentity: "b" },
      /by a key or by whom a certificate names, and not both/,
    );
    await demand({ certificateIdentity: "b" }, /^a certificate's OIDC issuer is missing/);
    await demand({ certificateOidcIssuer: "b" }, /^a certificate's identity is missing/);
    await demand(
      { certificateIdentity: "b", certificateIdentityRegexp: "b" },
      /as it is or as a regular expression, and not both/,
    );
    await demand(
      { certificateIdentityRegexp: "(", certificateOidcIssuer: "c" },
      /^\( isn't a regular expression/,
    );
  });

  it("is a type that there is", async (t) => {
    const { key, pub } = writeKeys(await temporaryFolder(t));
    const { ref, options } = await registryWithImage(t);
    await fails(
      verify(ref, { ...options, key: pub, type: "sbom" }),
      "USAGE",
      /^sbom is no type of attestation; name one of/,
    );
    await fails(
      attest(ref, { ...options, key, type: "signature", predicate: {} }),
      "USAGE",
      /^a signature is no attestation/,
    );
    await attest(ref, { ...options, key, type: "https://example.com/tests", predicate: { passed: true } });
    await verify(ref, { ...options, key: pub, type: "https://example.com/tests" });
  });
});

describe("without a key", () => {
  it("whom the token names signs, and is verified", async (t) => {
    const scope = stacked(t);
    const folder = await temporaryFolder(scope);
    const sigstore = await startSigstore(scope);
    const { ref, options } = await registryWithImage(t);
    const [root, tokenFile] = [`${folder}/root.json`, `${folder}/token`];
    writeFileSync(root, sigstore.trustedRoot);
    writeFileSync(tokenFile, `${sigstore.token()}\n`);
    const services = { fulcioUrl: sigstore.url, rekorUrl: sigstore.url };
    await sign(ref, { ...options, ...services, identityToken: tokenFile });
    await sign(ref, { ...options, ...services, identityToken: sigstore.token() });
    const machine = withEnvironment(options.machine, { SIGSTORE_ID_TOKEN: sigstore.token() });
    await sign(ref, { machine, ...services });
    const demand = {
      certificateIdentity: SIGNER.subject,
      certificateOidcIssuer: SIGNER.issuer,
      trustedRoot: root,
    };
    const found = await verify(ref, { ...options, ...demand });
    assert.equal(found.verified.length, 3);
    assert.deepEqual(found.verified[0]!.by, { identity: SIGNER.subject, issuer: SIGNER.issuer });
    await fails(
      verify(ref, { ...options, ...demand, certificateIdentity: "somebody" }),
      "NOT_VERIFIED",
      /is signed by builder@example\.com, and not by somebody/,
    );
    const { pub } = writeKeys(folder);
    await fails(
      verify(ref, { ...options, key: pub }),
      "NOT_VERIFIED",
      /is signed with a certificate, and not with /,
    );
  });

  it("nobody signs without a token", async (t) => {
    const { ref, options } = await registryWithImage(t);
    const machine = withEnvironment(options.machine, {});
    await fails(
      sign(ref, { machine }),
      "SIGNING_FAILED",
      /^there is no key to sign with, and no identity token: give --key FILE/,
    );
    const secret = `header.${"x".repeat(600)}`;
    await assert.rejects(sign(ref, { machine, identityToken: secret }), (error: Error) => {
      assert.match(error.message, /is neither an OIDC token nor a file$/);
      assert.ok(!error.message.includes(secret));
      return true;
    });
  });

  it("a key's signature may have to be in a log", async (t) => {
    const scope = stacked(t);
    const folder = await temporaryFolder(scope);
    const sigstore = await startSigstore(scope);
    const { key, pub } = writeKeys(folder);
    const { ref, options } = await registryWithImage(t);
    const root = `${folder}/root.json`;
    writeFileSync(root, sigstore.trustedRoot);
    await sign(ref, { ...options, key });
    const demand = { ...options, key: pub, requireLog: true, trustedRoot: root };
    await fails(verify(ref, demand), "NOT_VERIFIED", /has no log entry, which is demanded$/);
    await sign(ref, { ...options, key, rekorUrl: (await startSigstore(scope)).url });
    await fails(verify(ref, demand), "NOT_VERIFIED", /has a log entry that is in no log of .*root\.json$/);
    await sign(ref, { ...options, key, rekorUrl: sigstore.url });
    const found = await verify(ref, demand);
    assert.deepEqual(
      found.verified.map(({ logged, by }) => ({ logged, isKey: "key" in by })),
      [{ logged: true, isKey: true }],
    );
  });
});
