/** Keys to sign with, in files. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";

/** A key pair's files. */
export interface KeyFiles {
  readonly key: string;
  readonly pub: string;
  /** The private one, in PEM. */
  readonly pem: string;
}

/** Writes a pair of ECDSA keys, the private one encrypted if there is a passphrase. */
export function writeKeys(
  folder: string,
  { name = "my", passphrase }: { name?: string; passphrase?: string } = {},
): KeyFiles {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sealed = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const pem = privateKey.export({ type: "pkcs8", format: "pem", ...sealed }).toString();
  const [key, pub] = [`${folder}/${name}.key`, `${folder}/${name}.pub`];
  writeFileSync(key, pem);
  writeFileSync(pub, publicKey.export({ type: "spki", format: "pem" }));
  return { key, pub, pem };
}
