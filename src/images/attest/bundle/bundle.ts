/** sigstore's bundles, version 0.3: a statement, its signature, and what is needed to verify it, in one document. */
import * as z from "zod";
import { checkSchema, parseJson } from "#util";
import { type Envelope, preAuthEncoding } from "../dsse.ts";
import type { SigningKey } from "../keys/private-key.ts";
import { STATEMENT_TYPE } from "../statement.ts";

/** The media type of the bundles that varve makes, as cosign 3 does. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The longest bundle that is read, in bytes; an SBOM in one has some megabytes. */
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;

/** Whether a media type is that of a bundle, of whichever version. */
export function isBundleType(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.dev.sigstore.bundle");
}

/** Signs a statement with a key. */
export function signWithKey(statement: Uint8Array, key: SigningKey): Uint8Array {
  const envelope = { payloadType: STATEMENT_TYPE, payload: statement };
  const signature = key.sign(preAuthEncoding(envelope));
  return Buffer.from(
    JSON.stringify({
      mediaType: BUNDLE_TYPE,
      verificationMaterial: { publicKey: { hint: key.publicKey.hint } },
      dsseEnvelope: {
        payload: Buffer.from(envelope.payload).toString("base64"),
        payloadType: envelope.payloadType,
        signatures: [{ sig: Buffer.from(signature).toString("base64") }],
      },
    }),
  );
}

const base64 = z.base64();
const bytesShape = z.looseObject({ rawBytes: base64 });

/** Only as much of a bundle as is looked at here; of certificates and log entries sigstore's own library judges. */
const bundleShape = z.looseObject({
  mediaType: z.string().refine(isBundleType, "it isn't the media type of a bundle"),
  verificationMaterial: z.looseObject({
    publicKey: z.looseObject({ hint: z.string().max(1000).optional() }).optional(),
    certificate: bytesShape.optional(),
    x509CertificateChain: z.looseObject({ certificates: z.array(bytesShape).min(1).max(20) }).optional(),
    tlogEntries: z.array(z.unknown()).max(32).nullish(),
  }),
  dsseEnvelope: z.looseObject({
    payload: base64,
    payloadType: z.literal(STATEMENT_TYPE),
    // The specification of bundles wants exactly one.
    signatures: z.array(z.looseObject({ sig: base64 })).length(1),
  }),
});

/** What was read of a bundle. */
export interface Bundle {
  readonly envelope: Envelope;
  /** What the key is named by that it is signed with; undefined where a certificate says that, or nobody. */
  readonly hint: string | undefined;
  /** In DER. */
  readonly certificate: Uint8Array | undefined;
  readonly logEntries: number;
  /** All of it. */
  readonly value: unknown;
}

/**
 * Reads a bundle with a statement.
 * @throws VarveError `NOT_VERIFIED`, `INVALID_JSON`, `TOO_LARGE`
 */
export function parseBundle(bytes: Uint8Array, what: string): Bundle {
  const value = parseJson(bytes, { what, maxBytes: MAX_BUNDLE_BYTES });
  const { verificationMaterial, dsseEnvelope } = checkSchema(bundleShape, value, {
    code: "NOT_VERIFIED",
    what,
  });
  const { publicKey, certificate, x509CertificateChain, tlogEntries } = verificationMaterial;
  const der = certificate?.rawBytes ?? x509CertificateChain?.certificates[0]?.rawBytes;
  return {
    envelope: {
      payloadType: dsseEnvelope.payloadType,
      payload: Buffer.from(dsseEnvelope.payload, "base64"),
      signatures: dsseEnvelope.signatures.map(({ sig }) => Buffer.from(sig, "base64")),
    },
    hint: publicKey?.hint,
    certificate: der === undefined ? undefined : Buffer.from(der, "base64"),
    logEntries: tlogEntries?.length ?? 0,
    value,
  };
}
