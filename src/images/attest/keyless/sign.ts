/** Signing without a key of one's own: Fulcio gives a certificate for whom an identity token names, and Rekor writes down when it was used. */
import type { SerializedBundle } from "@sigstore/bundle";
import type { Signer } from "@sigstore/sign";
import { VarveError } from "#errors";
import type { SigningKey } from "../keys/private-key.ts";
import { STATEMENT_TYPE } from "../statement.ts";
import { loadSigner, unlessAborted } from "./load.ts";

/** Who signs, and with whose help. */
export interface KeylessOptions {
  /** An OIDC token that names who signs; asked for once for all statements. */
  readonly identityToken: string;
  /** The public good instances' unless given. */
  readonly fulcioUrl?: string | undefined;
  readonly rekorUrl?: string | undefined;
  /** A timestamp authority, in addition. */
  readonly timestampUrl?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a statement with a certificate.
 * @throws VarveError `SIGNING_FAILED`, `UNSUPPORTED_NODE`, `ABORTED`
 */
export async function signKeyless(statement: Uint8Array, options: KeylessOptions): Promise<Uint8Array> {
  const { identityToken, fulcioUrl, rekorUrl } = options;
  checkToken(identityToken);
  const { FulcioSigner, DEFAULT_FULCIO_URL, DEFAULT_REKOR_URL } = await loadSigner();
  const fulcioBaseURL = fulcioUrl ?? DEFAULT_FULCIO_URL;
  const identityProvider = { getToken: async () => identityToken };
  const signer = new FulcioSigner({ fulcioBaseURL, identityProvider, ...WAITING });
  const services = { ...options, fulcioUrl: fulcioBaseURL, rekorUrl: rekorUrl ?? DEFAULT_REKOR_URL };
  return encode(await signWithServices(statement, { signer, services, secret: identityToken }));
}

/** Where it is written down that a key has signed. */
export interface LogOptions {
  readonly rekorUrl: string;
  readonly timestampUrl?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a statement with a key, and has that written into a log.
 * @throws VarveError `SIGNING_FAILED`, `UNSUPPORTED_NODE`, `ABORTED`
 */
export async function signWithKeyInLog(
  statement: Uint8Array,
  { key, ...services }: LogOptions & { readonly key: SigningKey },
): Promise<Uint8Array> {
  const { hint, pem } = key.publicKey;
  const signer: Signer = {
    sign: async (data) => ({
      signature: Buffer.from(key.sign(data)),
      // Among the signature's own fields, where the library would put it, too, a hint keeps Go's verifiers from trying the key.
      key: { $case: "publicKey", publicKey: pem },
    }),
  };
  const bundle = await signWithServices(statement, { signer, services });
  const verificationMaterial = { ...bundle.verificationMaterial, publicKey: { hint } };
  return encode({ ...bundle, verificationMaterial });
}

/** How long a service is waited for, in milliseconds, and how often it is asked again. */
const WAITING = { retry: 2, timeout: 30_000 } as const;

interface Services extends LogOptions {
  readonly fulcioUrl?: string | undefined;
}

async function signWithServices(
  statement: Uint8Array,
  { signer, services, secret }: { signer: Signer; services: Services; secret?: string },
): Promise<SerializedBundle> {
  const { DSSEBundleBuilder, RekorWitness, TSAWitness, bundleToJSON } = await loadSigner();
  const { fulcioUrl = "", rekorUrl: rekorBaseURL, timestampUrl: tsaBaseURL = "", signal } = services;
  const witnesses = [
    new RekorWitness({ rekorBaseURL, entryType: "dsse", ...WAITING }),
    ...(tsaBaseURL === "" ? [] : [new TSAWitness({ tsaBaseURL, ...WAITING })]),
  ];
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  try {
    const work = builder.create({ data: Buffer.from(statement), type: STATEMENT_TYPE });
    const bundle = await unlessAborted(work, { what: "signing", signal });
    return bundleToJSON(bundle);
  } catch (error) {
    if (error instanceof VarveError) throw error;
    throw failureOf(error, { urls: { CA_CREATE: fulcioUrl, TLOG: rekorBaseURL, TSA: tsaBaseURL }, secret });
  }
}

function encode(bundle: object): Uint8Array {
  return Buffer.from(JSON.stringify(bundle));
}

/** What each of a token's three parts may have. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The library would quote a token that it can't read, so it is looked at before. */
function checkToken(token: string): void {
  const payload = TOKEN.test(token) ? Buffer.from(token.split(".")[1]!, "base64url").toString() : "";
  try {
    const claims = JSON.parse(payload) as unknown;
    if (typeof claims === "object" && claims !== null && ("sub" in claims || "email" in claims)) return;
  } catch {
    // Said below.
  }
  throw new VarveError(
    "SIGNING_FAILED",
    "the identity token isn't an OIDC token (a JWT) that names somebody",
  );
}

const STEPS = {
  CA_CREATE: "gave no certificate",
  TLOG: "took no log entry",
  TSA: "gave no timestamp",
} as const;

function failureOf(
  error: unknown,
  { urls, secret }: { urls: Record<keyof typeof STEPS, string>; secret: string | undefined },
): VarveError {
  const { code = "", cause, message } = error as { code?: unknown; cause?: unknown; message: string };
  const step = (Object.keys(STEPS) as (keyof typeof STEPS)[]).find((name) => String(code).startsWith(name));
  const reason = shortened(cause instanceof Error ? cause.message : message, secret);
  return new VarveError(
    "SIGNING_FAILED",
    step === undefined
      ? `signing without a key failed: ${reason}`
      : `${urls[step]} ${STEPS[step]}: ${reason}`,
  );
}

/** What a library says, in which a server may say the token again. */
function shortened(text: string, secret: string | undefined): string {
  return (secret === undefined ? text : text.replaceAll(secret, "…")).slice(0, 300);
}

/**
 * The token of the CI that this process runs in, for sigstore.
 * @throws VarveError `SIGNING_FAILED`, `UNSUPPORTED_NODE`, `ABORTED`
 */
export async function ciToken(signal?: AbortSignal): Promise<string> {
  const { CIContextProvider } = await loadSigner();
  try {
    const work = new CIContextProvider("sigstore").getToken();
    return await unlessAborted(work, { what: "asking for an identity token", signal });
  } catch (error) {
    if (error instanceof VarveError) throw error;
    throw new VarveError(
      "SIGNING_FAILED",
      "the CI gave no identity token; on GitHub the job needs the permission id-token: write",
    );
  }
}
