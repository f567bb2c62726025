import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  type CertificatePolicy,
  candidateOfBundle,
  candidateOfLayer,
  checkNode,
  parseTrustedRoot,
  readPublicKey,
  SIMPLE_SIGNING_TYPE,
  signatureStatement,
  signKeyless,
  verifyCandidate,
} from "#attest";
import { type Digest, digestOf } from "#oci";
import { SIGNER, type Sigstore, startSigstore } from "../../support/sigstore.ts";
import { stacked } from "../../support/tmp.ts";

const DIGEST = digestOf(Buffer.from("image"));

interface Made {
  mediaType: string;
  verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: Record<string, never>[] };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
}

describe("a signature without a key", () => {
  const scope = stacked({ after });
  let sigstore: Sigstore;
  let policy: CertificatePolicy;
  let signed: Buffer;

  const signWith = async (from: Sigstore, digest: Digest = DIGEST) =>
    Buffer.from(
      await signKeyless(signatureStatement(digest), {
        ...{ identityToken: from.token(), fulcioUrl: from.url, rekorUrl: from.url },
      }),
    );
  const verified = (bytes: Uint8Array, own: Partial<CertificatePolicy> = {}) =>
    verifyCandidate(candidateOfBundle(bytes, "the bundle"), {
      digest: DIGEST,
      policy: { ...policy, ...own },
    });
  const refused = async (bytes: Uint8Array, wording: RegExp, own: Partial<CertificatePolicy> = {}) =>
    assert.rejects(verified(bytes, own), (error: Error & { code?: string }) => {
      assert.match(error.message, wording);
      assert.equal(error.code, "NOT_VERIFIED");
      return true;
    });
  const changed = (change: (bundle: Made) => void) => {
    const bundle = JSON.parse(signed.toString()) as Made;
    change(bundle);
    return Buffer.from(JSON.stringify(bundle));
  };

  before(async () => {
    sigstore = await startSigstore(scope);
    const trustedRoot = await parseTrustedRoot(sigstore.trustedRoot, "root.json");
    policy = { identity: SIGNER.subject, issuer: SIGNER.issuer, trustedRoot };
    signed = await signWith(sigstore);
  });

  it("is verified by whom its certificate names", async () => {
    const found = await verified(signed);
    assert.deepEqual(found.by, { identity: SIGNER.subject, issuer: SIGNER.issuer });
    assert.ok(found.logged);
    await verified(signed, { identity: /^builder@/, issuer: /issuer\.example$/ });
    const { mediaType } = JSON.parse(signed.toString()) as Made;
    assert.equal(mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
  });

  it("is refused if the certificate has another identity, or another issuer", async () => {
    const other = { identity: "somebody@example.com" };
    await refused(
      signed,
      /^the bundle is signed by builder@example\.com, and not by somebody@example\.com$/,
      other,
    );
    // No part of it is enough.
    await refused(signed, /is signed by builder/, { identity: "builder@example.co" });
    await refused(signed, /is signed by .* not by what fits \^some/, { identity: /^some/ });
    await refused(
      signed,
      /^the bundle is vouched for by https:\/\/issuer\.example, and not by https:\/\/other$/,
      {
        issuer: "https://other",
      },
    );
  });

  it("is refused if the certificate is of another authority", async () => {
    const other = await startSigstore(scope);
    await refused(
      await signWith(other),
      /^the bundle has a certificate of an authority that isn't in root\.json/,
    );
  });

  it("is refused if the certificate had expired at the log entry's time", async () => {
    const later = await startSigstore(scope, { logClock: new Date(Date.now() + 3_600_000) });
    const trustedRoot = await parseTrustedRoot(later.trustedRoot, "root.json");
    await refused(
      await signWith(later),
      /^the bundle has a certificate that had expired, or wasn't valid yet, when it was used/,
      {
        trustedRoot,
      },
    );
  });

  it("is refused if signature or statement was tampered with", async () => {
    const signature = changed(({ dsseEnvelope: { signatures } }) => {
      const bytes = Buffer.from(signatures[0]!.sig, "base64");
      bytes[bytes.length - 1]! ^= 1;
      signatures[0]!.sig = bytes.toString("base64");
    });
    await refused(signature, /^the bundle has a signature that doesn't fit what is signed/);
    const other = digestOf(Buffer.from("other"));
    const statement = JSON.parse((await signWith(sigstore, other)).toString()) as Made;
    const payload = Buffer.from(statement.dsseEnvelope.payload, "base64")
      .toString()
      .replace(other.slice(7), DIGEST.slice(7));
    statement.dsseEnvelope.payload = Buffer.from(payload).toString("base64");
    await refused(Buffer.from(JSON.stringify(statement)), /doesn't fit what is signed/);
  });

  it("is refused if it is about another image", async () => {
    await refused(
      await signWith(sigstore, digestOf(Buffer.from("other"))),
      /^the bundle is about another image, sha256:/,
    );
  });

  it("is refused without a log entry, with one of another signature, and with one that no log has", async () => {
    const none = changed(({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = [];
    });
    await refused(none, /^the bundle has no log entry, which is demanded$/);
    const another = JSON.parse((await signWith(sigstore)).toString()) as Made;
    const swapped = changed(({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = another.verificationMaterial.tlogEntries;
    });
    await refused(swapped, /^the bundle has the log entry of another signature$/);
    const foreign = JSON.parse((await signWith(await startSigstore(scope))).toString()) as Made;
    const unknown = changed(({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = foreign.verificationMaterial.tlogEntries;
    });
    await refused(unknown, /^the bundle has a log entry that is in no log of root\.json$/);
    const moved = changed(({ verificationMaterial: { tlogEntries } }) => {
      const entry = tlogEntries[0] as unknown as { integratedTime: string };
      entry.integratedTime = String(Number(entry.integratedTime) + 5);
    });
    await refused(moved, /in no log of root\.json/);
  });

  it("is refused if nothing says when the certificate was used", async () => {
    const timeless = changed(({ verificationMaterial: { tlogEntries } }) => {
      (tlogEntries[0] as unknown as { integratedTime: string }).integratedTime = "0";
    });
    await refused(timeless, /^the bundle has no time that root\.json vouches for$/);
  });

  it("is refused if it is garbage further in", async () => {
    const certificate = changed(({ verificationMaterial }) => {
      verificationMaterial.certificate.rawBytes = "AAAA";
    });
    await refused(certificate, /^the bundle has a certificate that can't be read$/);
    const entry = changed(({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = [{}];
    });
    await refused(entry, /^the bundle has a certificate or a log entry that can't be read$/);
  });

  it("isn't one with a key", async () => {
    const { publicKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const key = readPublicKey(Buffer.from(publicKey), "my.pub");
    await assert.rejects(
      verifyCandidate(candidateOfBundle(signed, "the bundle"), { digest: DIGEST, policy: { key } }),
      /the bundle is signed with a certificate, and not with my\.pub$/,
    );
  });

  it("fails in one sentence, without the token, if a service refuses", async () => {
    const identityToken = sigstore.token();
    const sign = (options: { fulcioUrl?: string; rekorUrl?: string; identityToken?: string }) =>
      signKeyless(signatureStatement(DIGEST), {
        ...{ identityToken, fulcioUrl: sigstore.url, rekorUrl: sigstore.url },
        ...options,
      });
    const fails = (options: Parameters<typeof sign>[0], wording: RegExp) =>
      assert.rejects(sign(options), (error: Error & { code?: string }) => {
        assert.equal(error.code, "SIGNING_FAILED");
        assert.match(error.message, wording);
        assert.ok(!error.message.includes(identityToken));
        return true;
      });
    await fails({ fulcioUrl: `${sigstore.url}/nowhere` }, /nowhere gave no certificate: /);
    await fails({ rekorUrl: `${sigstore.url}/nowhere` }, /nowhere took no log entry: /);
    await fails(
      { identityToken: "secret" },
      /^the identity token isn't an OIDC token \(a JWT\) that names somebody$/,
    );
  });

  it("is verified in the form that older cosign gave it", async () => {
    const { Crypto } = { Crypto: globalThis.crypto };
    const keys = await Crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    const { createPrivateKey, createPublicKey, sign } = await import("node:crypto");
    const privateKey = createPrivateKey({
      key: Buffer.from(await Crypto.subtle.exportKey("pkcs8", keys.privateKey)),
      format: "der",
      type: "pkcs8",
    });
    const pem = createPublicKey(privateKey).export({ format: "pem", type: "spki" }).toString();
    const bytes = Buffer.from(
      JSON.stringify({
        critical: {
          identity: { "docker-reference": "" },
          image: { "docker-manifest-digest": DIGEST },
          type: "cosign container image signature",
        },
        optional: null,
      }),
    );
    const signature = sign("sha256", bytes, privateKey).toString("base64");
    const post = async (path: string, body: unknown) =>
      (await fetch(`${sigstore.url}${path}`, { method: "POST", body: JSON.stringify(body) })).json();
    const given = (await post("/api/v2/signingCert", {
      credentials: { oidcIdentityToken: sigstore.token() },
      publicKeyRequest: { publicKey: { algorithm: "ECDSA", content: pem }, proofOfPossession: "" },
    })) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
    const certificate = given.signedCertificateEmbeddedSct.chain.certificates[0]!;
    const entries = (await post("/api/v1/log/entries", {
      apiVersion: "0.0.1",
      kind: "hashedrekord",
      spec: {
        data: { hash: { algorithm: "sha256", value: digestOf(bytes).slice(7) } },
        signature: {
          content: signature,
          publicKey: { content: Buffer.from(certificate).toString("base64") },
        },
      },
    })) as Record<
      string,
      {
        body: string;
        integratedTime: number;
        logID: string;
        logIndex: number;
        verification: { signedEntryTimestamp: string };
      }
    >;
    const { verification, body, integratedTime, logID, logIndex } = Object.values(entries)[0]!;
    const log = {
      SignedEntryTimestamp: verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    };
    const layer = (annotations: Record<string, string>) => ({
      descriptor: {
        mediaType: SIMPLE_SIGNING_TYPE,
        digest: digestOf(bytes),
        size: bytes.length,
        annotations: {
          "dev.cosignproject.cosign/signature": signature,
          "dev.sigstore.cosign/certificate": certificate,
          ...annotations,
        },
      },
      bytes,
    });
    const entry = { "dev.sigstore.cosign/bundle": JSON.stringify(log) };
    const found = await verifyCandidate(candidateOfLayer(layer(entry), "the signature")!, {
      digest: DIGEST,
      policy,
    });
    assert.deepEqual(found.by, { identity: SIGNER.subject, issuer: SIGNER.issuer });
    await assert.rejects(
      verifyCandidate(candidateOfLayer(layer({}), "the signature")!, { digest: DIGEST, policy }),
      /the signature has no log entry, which is demanded$/,
    );
    assert.throws(
      () => candidateOfLayer(layer({ "dev.sigstore.cosign/bundle": "{}" }), "the signature"),
      /the log entry of the signature isn't as it should be/,
    );
  });
});

describe("sigstore's libraries", () => {
  it("need a newer Node.js than varve, and an older one gets a sentence", () => {
    for (const version of ["22.22.2", "24.15.0", "26.0.0", "26.10.0"]) checkNode(version);
    for (const version of ["22.15.0", "23.5.0", "24.14.9", "25.9.0"]) {
      assert.throws(() => checkNode(version), {
        code: "UNSUPPORTED_NODE",
        message:
          /need Node\.js \^22\.22\.2, \^24\.15\.0, >=26\.0\.0, and this is .*; use a newer one, or sign and verify with a key$/,
      });
    }
  });

  it("read trusted roots, and nothing else", async () => {
    for (const text of ["{}", "[]", '{"mediaType":"x","tlogs":[{}]}']) {
      await assert.rejects(parseTrustedRoot(Buffer.from(text), "root.json"), {
        code: "INVALID_KEY",
        message: /^root\.json isn't a trusted root of sigstore: /,
      });
    }
    await assert.rejects(parseTrustedRoot(Buffer.from("garbage"), "root.json"), { code: "INVALID_JSON" });
  });
});
