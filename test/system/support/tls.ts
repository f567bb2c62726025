import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";

/** PEM files. */
export interface ServerCertificate {
  /** The authority's certificate, for clients. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes an authority of its own with openssl, and a certificate for 127.0.0.1, and for these hosts, that it signed. */
export async function makeCertificate(
  scope: Scope,
  hosts: readonly string[] = [],
): Promise<ServerCertificate> {
  const folder = await temporaryFolder(scope);
  const file = (name: string) => join(folder, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await mustRun([
    ...(["openssl", "req", "-x509", ...curve, "-days", "2", "-subj", "/CN=varve test authority"] as const),
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"],
    ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
  ]);
  await mustRun([
    ...(["openssl", "req", ...curve, "-subj", "/CN=registry"] as const),
    ...["-keyout", file("server.key"), "-out", file("server.csr")],
  ]);
  const names = ["IP:127.0.0.1", ...hosts.map((host) => `DNS:${host}`)].join(",");
  await writeFile(file("server.ext"), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
  await mustRun([
    ...(["openssl", "x509", "-req", "-in", file("server.csr"), "-days", "2"] as const),
    ...["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"],
    ...["-extfile", file("server.ext"), "-out", file("server.pem")],
  ]);
  return { authority: file("ca.pem"), certificate: file("server.pem"), key: file("server.key") };
}

/** A key to sign with, and a certificate over it that it signed itself. */
export async function makeSigner(scope: Scope): Promise<{ certificate: string; key: string }> {
  const folder = await temporaryFolder(scope);
  const [certificate, key] = [join(folder, "signer.pem"), join(folder, "signer.key")];
  await mustRun([
    ...([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
    ] as const),
    ...["-days", "2", "-subj", "/CN=varve test tokens", "-keyout", key, "-out", certificate],
  ]);
  return { certificate, key };
}
