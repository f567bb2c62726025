import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, scryptSync, verify } from "node:crypto";
import { describe, it } from "node:test";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { readPrivateKey, readPublicKey } from "#attest";

const PASSPHRASE = "a passphrase that nobody prints";

/** A private key and its public one, in PEM; encrypted if there is a passphrase. */
function pair(
  kind: "P-256" | "P-384" | "P-521" | "secp256k1" | "rsa" | "small rsa" | "ed25519" | "x25519",
  passphrase?: string,
) {
  const sealed = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const encoding = {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", ...sealed },
  } as const;
  if (kind === "ed25519") return generateKeyPairSync("ed25519", encoding);
  if (kind === "x25519") return generateKeyPairSync("x25519", encoding);
  if (kind.endsWith("rsa"))
    return generateKeyPairSync("rsa", { modulusLength: kind === "rsa" ? 2048 : 1024, ...encoding });
  return generateKeyPairSync("ec", { namedCurve: kind, ...encoding });
}

/** A key as cosign writes it. */
function seal(
  pem: string,
  { label = "ENCRYPTED SIGSTORE PRIVATE KEY", N = 2 ** 15, passphrase = PASSPHRASE } = {},
) {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64");
  const salt = Buffer.alloc(32, 7);
  const nonce = Buffer.alloc(24, 9);
  const key = scryptSync(passphrase, salt, 32, { N: Math.min(N, 2 ** 17), r: 8, p: 1, maxmem: 2 ** 29 });
  const box = {
    kdf: { name: "scrypt", params: { N, r: 8, p: 1 }, salt: salt.toString("base64") },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(xsalsa20poly1305(key, nonce).encrypt(der)).toString("base64"),
  };
  const body = Buffer.from(JSON.stringify(box)).toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const read = (pem: string, passphrase?: string) =>
  readPrivateKey(Buffer.from(pem), { name: "my.key", passphrase: () => passphrase });

const refused = (wording: RegExp) => (error: unknown) => {
  const { code, message } = error as { code?: string; message: string };
  assert.equal(code, "INVALID_KEY");
  assert.match(message, wording);
  assert.ok(!message.includes(PASSPHRASE));
  return true;
};

describe("a private key", () => {
  for (const [kind, hash] of [
    ["P-256", "sha256"],
    ["P-384", "sha384"],
    ["P-521", "sha512"],
    ["rsa", "sha256"],
    ["ed25519", undefined],
  ] as const) {
    it(`of kind ${kind} signs what its public key verifies`, async () => {
      const { publicKey, privateKey } = pair(kind);
      const key = await read(privateKey);
      const data = Buffer.from("data");
      const signature = key.sign(data);
      assert.ok(verify(hash, data, publicKey, signature));
      const own = readPublicKey(Buffer.from(publicKey), "my.pub");
      assert.ok(own.verifies({ data, signature }));
      assert.ok(!own.verifies({ data: Buffer.from("date"), signature }));
      assert.ok(!own.verifies({ data, signature: Buffer.from("no signature") }));
      assert.equal(own.hint, key.publicKey.hint);
      assert.equal(own.pem, publicKey);
    });
  }

  it("may be encrypted, by OpenSSL and as cosign does it", async () => {
    const { privateKey, publicKey } = pair("P-256");
    const sealed = [
      seal(privateKey),
      seal(privateKey, { N: 2 ** 16 }),
      seal(privateKey, { label: "ENCRYPTED COSIGN PRIVATE KEY" }),
    ];
    for (const pem of sealed) assert.equal((await read(pem, PASSPHRASE)).publicKey.pem, publicKey);
    const encrypted = pair("P-256", PASSPHRASE);
    assert.equal((await read(encrypted.privateKey, PASSPHRASE)).publicKey.pem, encrypted.publicKey);
    // cosign's keys may have an empty one.
    assert.equal((await read(seal(privateKey, { passphrase: "" }), "")).publicKey.pem, publicKey);
  });

  it("isn't opened by another passphrase, or by none", async () => {
    for (const pem of [seal(pair("P-256").privateKey), pair("P-256", PASSPHRASE).privateKey]) {
      await assert.rejects(read(pem, "another"), refused(/^the passphrase doesn't open my\.key$/));
      await assert.rejects(
        read(pem),
        refused(/^my\.key is encrypted, and there is no passphrase for it: set COSIGN_PASSWORD/),
      );
    }
  });

  it("whose passphrase would cost more than is usual isn't tried", async () => {
    await assert.rejects(
      read(seal(pair("P-256").privateKey, { N: 2 ** 30 }), PASSPHRASE),
      refused(/^my\.key isn't a private key as cosign writes them/),
    );
  });

  it("is refused if it is of a kind that signs nothing here", async () => {
    await assert.rejects(
      read(pair("secp256k1").privateKey),
      refused(/is an ECDSA key on secp256k1, .*; use ECDSA on P-256/),
    );
    await assert.rejects(read(pair("small rsa").privateKey), refused(/is an RSA key of 1024 bits/));
    await assert.rejects(read(pair("x25519").privateKey), refused(/is a key for x25519/));
  });

  it("is refused if it is none", async () => {
    const { publicKey, privateKey } = pair("P-256");
    await assert.rejects(read(publicKey), refused(/is a public key; sign with the private one/));
    await assert.rejects(read("garbage"), refused(/isn't a private key in PEM$/));
    await assert.rejects(
      read(privateKey.replace(/\n.{20}/, "\n")),
      refused(/isn't a private key that can be read/),
    );
    const garbage =
      "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----";
    await assert.rejects(read(garbage, PASSPHRASE), (error: Error) => {
      assert.ok(!error.message.includes("secret"));
      return refused(/isn't a private key as cosign writes them/)(error);
    });
  });
});

describe("a public key", () => {
  it("is refused if it is private, or none", () => {
    const refuse = (pem: string, wording: RegExp) =>
      assert.throws(() => readPublicKey(Buffer.from(pem), "my.pub"), refused(wording));
    refuse(pair("P-256").privateKey, /^my\.pub is a private key; verify with the public one/);
    refuse(seal(pair("P-256").privateKey), /^my\.pub is a private key/);
    refuse("garbage", /^my\.pub isn't a public key in PEM/);
    refuse(
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
      /isn't a public key that can be read/,
    );
  });

  it("verifies what older cosign signed with its kind, SHA-256 whatever the curve", async () => {
    const { sign } = await import("node:crypto");
    const { publicKey, privateKey } = pair("P-384");
    const data = Buffer.from("data");
    const key = readPublicKey(Buffer.from(publicKey), "my.pub");
    assert.ok(key.verifies({ data, signature: sign("sha256", data, privateKey) }));
    assert.ok(!key.verifies({ data, signature: sign("sha1", data, privateKey) }));
    assert.equal(createPublicKey(publicKey).asymmetricKeyType, "ec");
  });
});
