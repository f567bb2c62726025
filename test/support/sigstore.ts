/** A Fulcio and a Rekor on this machine, with keys, certificates and logs of their own. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog, rekorHandler } from "@sigstore/mock";
import type { Scope } from "./tmp.ts";

/** Who signs, as a token names them. */
export interface Signer {
  readonly subject: string;
  readonly issuer: string;
}

/** What {@link startSigstore} starts. */
export interface Sigstore {
  /** Of Fulcio and of Rekor. */
  readonly url: string;
  /** `trusted_root.json`. */
  readonly trustedRoot: Buffer;
  /** The bodies of all requests. */
  readonly requests: readonly string[];
  token(signer?: Partial<Signer>): string;
}

/** Whom {@link Sigstore.token} names unless told. */
export const SIGNER: Signer = { subject: "builder@example.com", issuer: "https://issuer.example" };

/** The token is in the body, where sigstore's library has it, or where Go's clients do, which the mock doesn't read. */
function withToken(body: string, { headers }: IncomingMessage): string {
  const [, oidcIdentityToken] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? [];
  if (oidcIdentityToken === undefined) return body;
  return JSON.stringify({ ...(JSON.parse(body) as object), credentials: { oidcIdentityToken } });
}

/** What a log writes down of an envelope that it is sent: hashes and signatures. The mock would keep the request. */
function canonical(body: string): string {
  const { kind, apiVersion, spec } = JSON.parse(body) as {
    kind?: string;
    apiVersion?: string;
    spec?: { proposedContent?: { envelope: string; verifiers: string[] } };
  };
  if (kind !== "dsse" || spec?.proposedContent === undefined) return body;
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  const hash = (bytes: Uint8Array | string) => ({
    algorithm: "sha256",
    value: createHash("sha256").update(bytes).digest("hex"),
  });
  const content = {
    envelopeHash: hash(envelope),
    payloadHash: hash(Buffer.from(payload, "base64")),
    signatures: signatures.map(({ sig }, at) => ({ signature: sig, verifier: verifiers[at] })),
  };
  return JSON.stringify({ kind, apiVersion, spec: content });
}

/**
 * Starts both.
 * @param logClock what time it is for the log, which else is now
 */
export async function startSigstore(scope: Scope, { logClock }: { logClock?: Date } = {}): Promise<Sigstore> {
  const keys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
  const requests: string[] = [];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ctLog = await initializeCTLog(keys());
  const ca = await initializeCA(keys(), ctLog);
  const log = await initializeTLog(url, keys(), logClock);
  const [fulcio, rekor] = [fulcioHandler(ca), rekorHandler(log)];
  server.on("request", async (request, response) => {
    const body = await text(request);
    requests.push(body);
    const handler = [fulcio, rekor].find(({ path }) => path === request.url);
    const made = await handler?.fn(canonical(withToken(body, request)));
    const { statusCode = 404, response: answer = "" } = made ?? {};
    // Go's clients want what the real ones say: of a certificate this status, and the name of a log entry.
    const status = statusCode === 201 && handler === fulcio ? 200 : statusCode;
    const etag = handler === rekor ? Object.keys(JSON.parse(answer as string)).join() : "";
    response.writeHead(status, { "content-type": "application/json", etag }).end(answer);
  });

  const logOf = (publicKey: Uint8Array, keyId: Uint8Array) => ({
    baseUrl: url,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: Buffer.from(publicKey).toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: "2020-01-01T00:00:00Z" },
    },
    logId: { keyId: Buffer.from(keyId).toString("base64") },
  });
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  const trustedRoot = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logOf(log.publicKey, createHash("sha256").update(log.publicKey).digest())],
    certificateAuthorities: [
      {
        subject: { organization: "sigstore.mock", commonName: "sigstore" },
        uri: url,
        certChain: { certificates: [{ rawBytes: bytesOf(ca.rootCertificate).toString("base64") }] },
        validFor: { start: "2020-01-01T00:00:00Z" },
      },
    ],
    ctlogs: [logOf(ctLog.publicKey, bytesOf(ctLog.logID))],
    timestampAuthorities: [],
  };
  return {
    url,
    trustedRoot: Buffer.from(JSON.stringify(trustedRoot)),
    requests,
    token: ({ subject, issuer }: Partial<Signer> = {}) => {
      const claims = { sub: subject ?? SIGNER.subject, iss: issuer ?? SIGNER.issuer };
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      return `${part({ alg: "none" })}.${part(claims)}.signature`;
    },
  };
}
