/** cosign verifies what varve signs and attests, and varve what cosign does, in its forms of today and of before. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { mustRun, type RunOptions, run } from "../support/process.ts";
import { SIGNER, type Sigstore, startSigstore } from "../support/sigstore.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { startRegistry } from "../system/support/registry.ts";
import { peer } from "./support/peers.ts";

const PASSPHRASE = "a passphrase";

/** A log that isn't asked for: whoever has only a key demands none. */
const UNLOGGED = "--insecure-ignore-tlog";

/** A configuration of cosign's in which these services are. */
function signingConfig(url?: string): string {
  const service = { url, majorApiVersion: 1, validFor: { start: "2020-01-01T00:00:00Z" }, operator: "test" };
  const one = url === undefined ? [] : [service];
  return JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: one,
    oidcUrls: [],
    rekorTlogUrls: one,
    rekorTlogConfig: one.length > 0 ? { selector: "ANY" } : {},
    tsaUrls: [],
    tsaConfig: {},
  });
}

describe("cosign and varve", { skip: requires("registry") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let folder: string;
  let sigstore: Sigstore;
  let registries: readonly { readonly host: string }[];
  let count = 0;

  const cosign = (args: readonly string[], options: RunOptions = {}) =>
    mustRun([peer("cosign"), ...args], {
      ...{ cwd: folder, timeoutSeconds: 60, ...options },
      // No trust that is elsewhere than in what it is told, and nothing of this machine's own.
      env: { COSIGN_PASSWORD: PASSPHRASE, HOME: folder, DOCKER_CONFIG: folder, ...options.env },
    });
  const varve = (args: readonly string[]) =>
    images.varve(args, { cwd: folder, env: { COSIGN_PASSWORD: PASSPHRASE } });
  const signing = ["--key", "cosign.key", "--signing-config", "none.json", "--trusted-root", "root.json"];
  const older = [
    ...[
      "--key",
      "cosign.key",
      "--new-bundle-format=false",
      "--use-signing-config=false",
      "--tlog-upload=false",
    ],
  ];
  const http = "--allow-http-registry";
  const identity = [
    ...["--certificate-identity", SIGNER.subject, "--certificate-oidc-issuer", SIGNER.issuer],
    ...["--trusted-root", "root.json"],
  ];

  /** A new image in each of the registries. */
  async function forEach(work: (image: { tag: string; digest: string; pinned: string }) => Promise<void>) {
    for (const [at, registry] of registries.entries()) {
      const repository = `${registry.host}/app${count++}`;
      const tag = `${repository}:1`;
      await varve(["build", "spec.json", "--quiet", "--push", tag, "--label", `at=${at}-${count}`]);
      const { digest = "" } = await images.inspect(`docker://${tag}`);
      await work({ tag, digest, pinned: `${repository}@${digest}` });
    }
  }

  before(async () => {
    images = await startImages(scope);
    ({ folder } = images);
    sigstore = await startSigstore(scope);
    const listing = await new FakeRegistry().start();
    scope.after(() => listing.stop());
    // Debian's lists nothing that hangs on images.
    registries = [listing, await startRegistry(scope)];
    writeFileSync(`${folder}/file`, "content");
    writeFileSync(
      `${folder}/spec.json`,
      JSON.stringify({ name: "app", files: [{ from: "file", to: "/file" }] }),
    );
    writeFileSync(`${folder}/bom.json`, JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6" }));
    writeFileSync(`${folder}/none.json`, signingConfig());
    writeFileSync(`${folder}/services.json`, signingConfig(sigstore.url));
    writeFileSync(`${folder}/root.json`, sigstore.trustedRoot);
    writeFileSync(`${folder}/token`, sigstore.token());
    await cosign(["generate-key-pair"]);
  });

  it("varve's signature is verified by cosign, with cosign's own encrypted key", async () => {
    await forEach(async ({ tag, digest }) => {
      await varve(["sign", tag, "--key", "cosign.key", "--annotation", "by=varve"]);
      const said = JSON.parse(
        await cosign(["verify", "--key", "cosign.pub", UNLOGGED, http, "-a", "by=varve", tag]),
      );
      assert.equal(said[0].critical.image["docker-manifest-digest"], digest);
      assert.deepEqual(said[0].optional, { by: "varve" });
      const other = await run(
        [peer("cosign"), "verify", "--key", "cosign.pub", UNLOGGED, http, "-a", "by=me", tag],
        {
          cwd: folder,
        },
      );
      assert.notEqual(other.code, 0);
    });
  });

  it("varve's signatures with other kinds of keys are verified by cosign", async () => {
    const kinds = {
      "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
      "P-521": generateKeyPairSync("ec", { namedCurve: "P-521" }),
      rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
      ed25519: generateKeyPairSync("ed25519"),
    };
    const digests: Record<string, string> = { "P-384": "sha384", "P-521": "sha512" };
    const registry = registries[0]!;
    const tag = `${registry.host}/kinds:1`;
    await varve(["build", "spec.json", "--quiet", "--push", tag]);
    for (const [kind, { publicKey, privateKey }] of Object.entries(kinds)) {
      writeFileSync(`${folder}/own.key`, privateKey.export({ type: "pkcs8", format: "pem" }));
      writeFileSync(`${folder}/own.pub`, publicKey.export({ type: "spki", format: "pem" }));
      await varve(["sign", tag, "--key", "own.key"]);
      const digest = digests[kind] === undefined ? [] : ["--signature-digest-algorithm", digests[kind]];
      await cosign(["verify", "--key", "own.pub", UNLOGGED, http, ...digest, tag]);
    }
  });

  it("varve's attestation is verified by cosign", async () => {
    await forEach(async ({ tag }) => {
      await varve(["attest", tag, "--key", "cosign.key", "--type", "cyclonedx", "--predicate", "bom.json"]);
      const said = await cosign([
        ...["verify-attestation", "--key", "cosign.pub", UNLOGGED, http, "--type", "cyclonedx", tag],
      ]);
      const { payload } = JSON.parse(said) as { payload: string };
      const statement = JSON.parse(Buffer.from(payload, "base64").toString());
      assert.deepEqual(statement.predicate, { bomFormat: "CycloneDX", specVersion: "1.6" });
    });
  });

  it("what varve signs as it builds is verified by cosign, with what was written down of it", async () => {
    for (const registry of registries) {
      const tag = `${registry.host}/built:1`;
      await varve([
        ...["build", "spec.json", "--quiet", "--push", tag, "--sign", "--key", "cosign.key"],
        ...["--provenance", "--sbom", "cyclonedx,spdx"],
      ]);
      await cosign(["verify", "--key", "cosign.pub", UNLOGGED, http, tag]);
      for (const type of ["cyclonedx", "spdxjson", "slsaprovenance1"]) {
        await cosign(["verify-attestation", "--key", "cosign.pub", UNLOGGED, http, "--type", type, tag]);
        await varve(["verify", tag, "--key", "cosign.pub", "--type", type]);
      }
    }
  });

  it("cosign's signature and attestation are verified by varve", async () => {
    await forEach(async ({ tag, pinned, digest }) => {
      await cosign(["sign", ...signing, http, "-a", "by=cosign", pinned]);
      await cosign(["attest", ...signing, http, "--type", "cyclonedx", "--predicate", "bom.json", pinned]);
      const said = JSON.parse(
        await varve(["verify", tag, "--key", "cosign.pub", "--annotation", "by=cosign", "--json"]),
      );
      assert.equal(said.digest, digest);
      assert.equal(said.verified[0].form, "bundle");
      const attested = JSON.parse(
        await varve(["verify", tag, "--key", "cosign.pub", "--type", "cyclonedx", "--json"]),
      );
      assert.deepEqual(attested.verified[0].predicate, { bomFormat: "CycloneDX", specVersion: "1.6" });
    });
  });

  it("what cosign made before version 3 is verified by varve", async () => {
    await forEach(async ({ tag, pinned }) => {
      await cosign(["sign", ...older, http, "-a", "by=cosign", pinned]);
      await cosign(["attest", ...older, http, "--type", "cyclonedx", "--predicate", "bom.json", pinned]);
      const said = JSON.parse(
        await varve(["verify", tag, "--key", "cosign.pub", "--annotation", "by=cosign", "--json"]),
      );
      assert.equal(said.verified[0].form, "simplesigning");
      const attested = JSON.parse(
        await varve(["verify", tag, "--key", "cosign.pub", "--type", "cyclonedx", "--json"]),
      );
      assert.equal(attested.verified[0].form, "envelope");
    });
  });

  it("what has no key is verified by either, with certificates and a log of this machine's", async () => {
    await forEach(async ({ tag, pinned }) => {
      const services = [
        "--fulcio-url",
        sigstore.url,
        "--rekor-url",
        sigstore.url,
        "--identity-token",
        "token",
      ];
      await varve(["sign", tag, ...services]);
      const theirs = await cosign(["verify", ...identity, http, tag]);
      assert.equal(JSON.parse(theirs).length, 1);
      await varve(["attest", tag, ...services, "--type", "cyclonedx", "--predicate", "bom.json"]);
      await cosign(["verify-attestation", ...identity, http, "--type", "cyclonedx", tag]);
      const own = [
        "--signing-config",
        "services.json",
        "--trusted-root",
        "root.json",
        "--identity-token",
        "token",
      ];
      await cosign(["sign", "--yes", ...own, http, pinned]);
      const said = JSON.parse(await varve(["verify", tag, ...identity, "--json"]));
      assert.equal(said.verified.length, 2);
      assert.deepEqual(said.verified[1].by, { identity: SIGNER.subject, issuer: SIGNER.issuer });
    });
  });

  it("what a key has signed and a log has is verified by either", async () => {
    await forEach(async ({ tag, pinned }) => {
      await varve(["sign", tag, "--key", "cosign.key", "--rekor-url", sigstore.url]);
      const trust = ["--key", "cosign.pub", "--trusted-root", "root.json"];
      await cosign(["verify", ...trust, http, tag]);
      await cosign([
        ...[
          "sign",
          "--yes",
          "--key",
          "cosign.key",
          "--signing-config",
          "services.json",
          "--trusted-root",
          "root.json",
        ],
        ...[http, pinned],
      ]);
      const said = JSON.parse(await varve(["verify", tag, ...trust, "--require-log", "--json"]));
      assert.equal(said.verified.length, 2);
    });
  });
});
