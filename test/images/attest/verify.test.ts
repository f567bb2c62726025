import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import {
  candidateOfBundle,
  candidateOfLayer,
  type Demand,
  ENVELOPE_TYPE,
  MAX_BUNDLE_BYTES,
  preAuthEncoding,
  readPrivateKey,
  readPublicKey,
  SIGNATURE_PREDICATE,
  SIMPLE_SIGNING_TYPE,
  type SigningKey,
  STATEMENT_TYPE,
  signatureStatement,
  signWithKey,
  verifyCandidate,
} from "#attest";
import { type Digest, digestOf } from "#oci";
import { simpleSigning } from "../../support/simple-signing.ts";

const DIGEST = digestOf(Buffer.from("image"));
const OTHER = digestOf(Buffer.from("other image"));

async function keyOf(type: "ec" | "rsa" = "ec") {
  const { publicKey, privateKey } =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const signing = await readPrivateKey(Buffer.from(pem), { name: "my.key", passphrase: () => undefined });
  const spki = publicKey.export({ type: "spki", format: "pem" });
  return { signing, pem, key: readPublicKey(Buffer.from(spki), "my.pub") };
}

interface Made {
  mediaType: string;
  verificationMaterial: { publicKey?: { hint?: string }; certificate?: { rawBytes: string } };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

/** A bundle in which something was changed after it was signed. */
function bundle(
  key: SigningKey,
  { digest = DIGEST, change }: { digest?: Digest; change?: (bundle: Made) => void } = {},
) {
  const made = JSON.parse(Buffer.from(signWithKey(signatureStatement(digest), key)).toString()) as Made;
  change?.(made);
  return Buffer.from(JSON.stringify(made));
}

const verified = async (bytes: Uint8Array, demand: Omit<Demand, "digest">) =>
  verifyCandidate(candidateOfBundle(bytes, "the bundle"), { digest: DIGEST, ...demand });

const refused = (bytes: Uint8Array, demand: Omit<Demand, "digest">, wording: RegExp) =>
  assert.rejects(verified(bytes, demand), (error: Error & { code?: string }) => {
    assert.match(error.message, wording);
    assert.equal(error.code, "NOT_VERIFIED");
    return true;
  });

const edited = (payload: string, from: string, to: string) =>
  Buffer.from(Buffer.from(payload, "base64").toString().replace(from, to)).toString("base64");

describe("a signature with a key", () => {
  it("has the form that cosign 3 gives it", async () => {
    const { signing, key } = await keyOf();
    const statement = signatureStatement(DIGEST, { by: "me" });
    const made = JSON.parse(Buffer.from(signWithKey(statement, signing)).toString()) as Made;
    assert.deepEqual(JSON.parse(Buffer.from(made.dsseEnvelope.payload, "base64").toString()), {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: DIGEST.slice("sha256:".length) }, annotations: { by: "me" } }],
      predicateType: "https://sigstore.dev/cosign/sign/v1",
      predicate: {},
    });
    assert.equal(made.dsseEnvelope.payloadType, STATEMENT_TYPE);
    assert.deepEqual(made.verificationMaterial, { publicKey: { hint: key.hint } });
    assert.equal(made.mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
  });

  it("is verified", async () => {
    const { signing, key } = await keyOf();
    const statement = signatureStatement(DIGEST, { by: "me" });
    const found = await verified(signWithKey(statement, signing), { policy: { key } });
    assert.deepEqual(found, {
      name: "the bundle",
      form: "bundle",
      predicateType: SIGNATURE_PREDICATE,
      predicate: {},
      annotations: { by: "me" },
      by: { key: key.hint, kind: "ECDSA P-256" },
      logged: false,
    });
  });

  it("is refused if the signature was tampered with", async () => {
    const { signing, key } = await keyOf();
    const bytes = bundle(signing, {
      change: ({ dsseEnvelope: { signatures } }) => {
        const signature = Buffer.from(signatures[0]!.sig, "base64");
        signature[signature.length - 1]! ^= 1;
        signatures[0]!.sig = signature.toString("base64");
      },
    });
    await refused(
      bytes,
      { policy: { key } },
      /^the bundle has a signature that doesn't fit what is signed: one of them was changed$/,
    );
  });

  it("is refused if the statement was tampered with", async () => {
    const { signing, key } = await keyOf();
    const bytes = bundle(signing, {
      digest: OTHER,
      change: ({ dsseEnvelope }) => {
        dsseEnvelope.payload = edited(dsseEnvelope.payload, OTHER.slice(7), DIGEST.slice(7));
      },
    });
    await refused(bytes, { policy: { key } }, /doesn't fit what is signed/);
  });

  it("is refused if it is about another image", async () => {
    const { signing, key } = await keyOf();
    await refused(
      bundle(signing, { digest: OTHER }),
      { policy: { key } },
      new RegExp(`^the bundle is about another image, ${OTHER}$`),
    );
  });

  it("is refused if it is by another key, or one of another type", async () => {
    const [mine, theirs, rsa] = [await keyOf(), await keyOf(), await keyOf("rsa")];
    const bytes = bundle(mine.signing);
    await refused(
      bytes,
      { policy: theirs },
      /^the bundle is signed with another key than my\.pub \(ECDSA P-256\)$/,
    );
    await refused(bytes, { policy: rsa }, /another key than my\.pub \(RSA 2048\)$/);
    // Whose name anybody may write on it.
    const named = bundle(mine.signing, {
      change: ({ verificationMaterial }) => {
        verificationMaterial.publicKey!.hint = theirs.key.hint;
      },
    });
    await refused(named, { policy: theirs }, /doesn't fit what is signed/);
    const unnamed = bundle(mine.signing, {
      change: ({ verificationMaterial }) => {
        delete verificationMaterial.publicKey!.hint;
      },
    });
    await refused(
      unnamed,
      { policy: theirs },
      /isn't signed with my\.pub \(ECDSA P-256\), or was changed since$/,
    );
    await verified(unnamed, { policy: mine });
  });

  it("is refused if it says something else than is wanted", async () => {
    const { signing, key } = await keyOf();
    const predicateTypes = ["https://cyclonedx.org/bom"];
    await refused(
      bundle(signing),
      { policy: { key }, predicateTypes },
      /says https:\/\/sigstore\.dev\/cosign\/sign\/v1 of the image, and not https:\/\/cyclonedx/,
    );
  });

  it("is refused if it is garbage", async () => {
    const { key, signing } = await keyOf();
    const demand = { policy: { key } };
    await assert.rejects(verified(Buffer.from("garbage"), demand), /the bundle is not valid JSON/);
    await refused(Buffer.from("{}"), demand, /^the bundle isn't as it should be at mediaType/);
    const twice = bundle(signing, {
      change: ({ dsseEnvelope: { signatures } }) => {
        signatures.push(signatures[0]!);
      },
    });
    await refused(twice, demand, /isn't as it should be at dsseEnvelope\.signatures/);
    const other = bundle(signing, {
      change: ({ dsseEnvelope }) => {
        dsseEnvelope.payloadType = "text/plain";
      },
    });
    await refused(other, demand, /isn't as it should be at dsseEnvelope\.payloadType/);
  });

  it("is refused if it is too large", async () => {
    const { key } = await keyOf();
    await assert.rejects(verified(Buffer.alloc(MAX_BUNDLE_BYTES + 1), { policy: { key } }), {
      code: "TOO_LARGE",
    });
  });

  it("is refused if a certificate's is demanded", async () => {
    const { signing } = await keyOf();
    const trustedRoot = { name: "root", root: undefined as never };
    const policy = { identity: "me", issuer: "issuer", trustedRoot };
    await refused(
      bundle(signing),
      { policy },
      /^the bundle is signed with a key, and not with a certificate$/,
    );
  });

  it("is refused without a log entry if one is demanded", async () => {
    const { signing, key } = await keyOf();
    const log = { name: "root", root: undefined as never };
    await refused(
      bundle(signing),
      { policy: { key, log } },
      /^the bundle has no log entry, which is demanded$/,
    );
  });
});

describe("what older cosign made with a key", () => {
  const layer = (bytes: Buffer, signature: string | undefined, mediaType = SIMPLE_SIGNING_TYPE) => ({
    descriptor: {
      ...{ mediaType, digest: digestOf(bytes), size: bytes.length },
      ...(signature !== undefined && { annotations: { "dev.cosignproject.cosign/signature": signature } }),
    },
    bytes,
  });

  it("is verified: a signature", async () => {
    const { pem, key } = await keyOf();
    const bytes = simpleSigning(DIGEST);
    const candidate = candidateOfLayer(
      layer(bytes, sign("sha256", bytes, pem).toString("base64")),
      "the signature",
    )!;
    const found = await verifyCandidate(candidate, { digest: DIGEST, policy: { key } });
    assert.equal(found.form, "simplesigning");
    assert.equal(found.predicateType, SIGNATURE_PREDICATE);
    assert.deepEqual(found.annotations, { by: "me" });
    const other = simpleSigning(OTHER);
    const about = candidateOfLayer(
      layer(other, sign("sha256", other, pem).toString("base64")),
      "the signature",
    )!;
    await assert.rejects(
      verifyCandidate(about, { digest: DIGEST, policy: { key } }),
      /^VarveError: the signature is about another image, sha256:/,
    );
    const changed = candidateOfLayer(
      layer(other, sign("sha256", bytes, pem).toString("base64")),
      "the signature",
    )!;
    await assert.rejects(
      verifyCandidate(changed, { digest: OTHER, policy: { key } }),
      /the signature isn't signed with my\.pub \(ECDSA P-256\), or was changed since$/,
    );
  });

  it("is verified: an attestation", async () => {
    const { pem, key } = await keyOf();
    const payload = Buffer.from(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v0.1",
        subject: [{ name: "example.com/app", digest: { sha256: DIGEST.slice(7) } }],
        predicateType: "https://cyclonedx.org/bom",
        predicate: { components: [] },
      }),
    );
    const sig = sign("sha256", preAuthEncoding({ payloadType: STATEMENT_TYPE, payload }), pem).toString(
      "base64",
    );
    const envelope = {
      payloadType: STATEMENT_TYPE,
      payload: payload.toString("base64"),
      signatures: [{ keyid: "", sig }],
    };
    const bytes = Buffer.from(JSON.stringify(envelope));
    const candidate = candidateOfLayer(layer(bytes, "", ENVELOPE_TYPE), "the attestation")!;
    const found = await verifyCandidate(candidate, { digest: DIGEST, policy: { key } });
    assert.equal(found.form, "envelope");
    assert.deepEqual(found.predicate, { components: [] });
  });

  it("is refused without a signature", async () => {
    for (const signature of [undefined, "§"]) {
      assert.throws(() => candidateOfLayer(layer(simpleSigning(DIGEST), signature), "the signature"), {
        code: "NOT_VERIFIED",
        message: "the signature has no signature in base64 among its layer's annotations",
      });
    }
    assert.equal(
      candidateOfLayer(layer(simpleSigning(DIGEST), "", "text/plain"), "the signature"),
      undefined,
    );
  });
});
