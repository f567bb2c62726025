/** Signatures and attestations as cosign made them before version 3: in layers of an image under the tag `sha256-HEX.sig` or `.att`. */
import { createHash, X509Certificate } from "node:crypto";
import * as z from "zod";
import { VarveError } from "#errors";
import type { Descriptor } from "#oci";
import { checkSchema, parseJson } from "#util";
import { type Claim, parseStatement, SIGNATURE_PREDICATE } from "../claim.ts";
import { preAuthEncoding } from "../dsse.ts";
import { STATEMENT_TYPE } from "../statement.ts";
import { MAX_BUNDLE_BYTES } from "./bundle.ts";
import type { Candidate } from "./candidate.ts";

/** The media type of a signature's payload. */
export const SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";

/** The media type of an attestation. */
export const ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json";

const SIGNATURE = "dev.cosignproject.cosign/signature";
const CERTIFICATE = "dev.sigstore.cosign/certificate";
const LOG_ENTRY = "dev.sigstore.cosign/bundle";

/** What this form of bundle is: the first that sigstore had, with promises of log entries and no proofs. */
const FIRST_BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/** A layer with its bytes. */
export interface OlderLayer {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * What a layer has; undefined for one of another media type.
 * @throws VarveError `NOT_VERIFIED`, `INVALID_JSON`, `TOO_LARGE`
 */
export function candidateOfLayer(layer: OlderLayer, name: string): Candidate | undefined {
  const { mediaType } = layer.descriptor;
  if (mediaType === SIMPLE_SIGNING_TYPE) return signatureOf(layer, name);
  return mediaType === ENVELOPE_TYPE ? attestationOf(layer, name) : undefined;
}

const base64 = z.base64();

function signatureOf({ descriptor, bytes }: OlderLayer, name: string): Candidate {
  const { annotations = {} } = descriptor;
  const text = annotations[SIGNATURE];
  if (text === undefined || !base64.safeParse(text).success) {
    throw new VarveError("NOT_VERIFIED", `${name} has no signature in base64 among its layer's annotations`);
  }
  const digest = createHash("sha256").update(bytes).digest("base64");
  const { material, ...rest } = materialOf(annotations, name);
  return {
    ...rest,
    name,
    form: "simplesigning",
    signed: { data: bytes, signature: Buffer.from(text, "base64") },
    hint: undefined,
    claim: () => simpleClaim(bytes, `the payload of ${name}`),
    bundle: {
      ...material,
      messageSignature: { messageDigest: { algorithm: "SHA2_256", digest }, signature: text },
    },
    artifact: bytes,
  };
}

const envelopeShape = z.looseObject({
  payload: base64,
  payloadType: z.literal(STATEMENT_TYPE),
  signatures: z.array(z.looseObject({ sig: base64 })).length(1),
});

function attestationOf({ descriptor, bytes }: OlderLayer, name: string): Candidate {
  const value = parseJson(bytes, { what: name, maxBytes: MAX_BUNDLE_BYTES });
  const envelope = checkSchema(envelopeShape, value, { code: "NOT_VERIFIED", what: name });
  const { payloadType } = envelope;
  const payload = Buffer.from(envelope.payload, "base64");
  const { material, ...rest } = materialOf(descriptor.annotations ?? {}, name);
  return {
    ...rest,
    name,
    form: "envelope",
    signed: {
      data: preAuthEncoding({ payloadType, payload }),
      signature: Buffer.from(envelope.signatures[0]!.sig, "base64"),
    },
    hint: undefined,
    claim: () => parseStatement(payload, `the statement in ${name}`),
    bundle: { ...material, dsseEnvelope: envelope },
    artifact: undefined,
  };
}

const simpleShape = z.looseObject({
  critical: z.looseObject({
    type: z.enum(["cosign container image signature", SIGNATURE_PREDICATE]),
    image: z.looseObject({ "docker-manifest-digest": z.string().max(200) }),
  }),
  optional: z.record(z.string(), z.unknown()).nullish(),
});

/** The payload is a document of the containers' simple signing; its name for the image is what its signer called it, and no proof. */
function simpleClaim(bytes: Uint8Array, what: string): Claim {
  const value = parseJson(bytes, { what, maxBytes: MAX_BUNDLE_BYTES });
  const { critical, optional } = checkSchema(simpleShape, value, { code: "NOT_VERIFIED", what });
  return {
    predicateType: SIGNATURE_PREDICATE,
    subjects: [{ digest: critical.image["docker-manifest-digest"], annotations: optional ?? {} }],
    predicate: {},
  };
}

const entryShape = z.looseObject({
  SignedEntryTimestamp: base64,
  Payload: z.looseObject({
    body: base64,
    integratedTime: z.number().int().nonnegative(),
    logIndex: z.number().int().nonnegative(),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

const bodyShape = z.looseObject({ kind: z.string().max(100), apiVersion: z.string().max(100) });

/** Certificate and log entry, as the first bundles have them. */
function materialOf(
  annotations: Readonly<Record<string, string>>,
  name: string,
): Pick<Candidate, "certificate" | "hint" | "logEntries"> & { material: Record<string, unknown> } {
  const certificate = certificateOf(annotations[CERTIFICATE], name);
  const entry = annotations[LOG_ENTRY];
  const tlogEntries = entry === undefined ? [] : [logEntryOf(entry, name)];
  const content =
    certificate === undefined
      ? { publicKey: { hint: "" } }
      : { x509CertificateChain: { certificates: [{ rawBytes: certificate.toString("base64") }] } };
  return {
    certificate,
    hint: undefined,
    logEntries: tlogEntries.length,
    material: { mediaType: FIRST_BUNDLE_TYPE, verificationMaterial: { ...content, tlogEntries } },
  };
}

function certificateOf(pem: string | undefined, name: string): Buffer | undefined {
  if (pem === undefined || pem === "") return undefined;
  try {
    return new X509Certificate(pem).raw;
  } catch {
    throw new VarveError("NOT_VERIFIED", `${name} has a certificate that can't be read`);
  }
}

function logEntryOf(text: string, name: string): Record<string, unknown> {
  const what = `the log entry of ${name}`;
  const read = <T>(schema: z.ZodType<T>, bytes: Buffer): T =>
    checkSchema(schema, parseJson(bytes, { what, maxBytes: MAX_BUNDLE_BYTES }), {
      code: "NOT_VERIFIED",
      what,
    });
  const { SignedEntryTimestamp, Payload } = read(entryShape, Buffer.from(text));
  const { kind, apiVersion } = read(bodyShape, Buffer.from(Payload.body, "base64"));
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, "hex").toString("base64") },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}
