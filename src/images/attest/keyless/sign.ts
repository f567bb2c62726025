/** Signing without a key of one's own: Fulcio gives a certificate for whom an identity token names, and Rekor writes down when it was used. */
import { VarveError } from "#errors";
import { envelopeOf } from "../bundle/bundle.ts";
import { STATEMENT_TYPE } from "../dsse.ts";
import type { Statement } from "../statement.ts";
import { loadSigner } from "./load.ts";

/** Who signs, and with whose help. */
export interface KeylessOptions {
  /** An OIDC token that names who signs; asked for once for all statements. */
  readonly identityToken: string;
  /** The public good instances' unless given. */
  readonly fulcioUrl?: string | undefined;
  readonly rekorUrl?: string | undefined;
  /** A timestamp authority, in addition. */
  readonly timestampUrl?: string | undefined;
}

/** In milliseconds. */
const TIMEOUT = 30_000;

/**
 * Signs a statement with a certificate.
 * @throws VarveError `SIGNING_FAILED`, `UNSUPPORTED_NODE`
 */
export async function signKeyless(statement: Statement, options: KeylessOptions): Promise<Uint8Array> {
  const { identityToken, fulcioUrl, rekorUrl, timestampUrl } = options;
  checkToken(identityToken);
  const sigstore = await loadSigner();
  const fulcioBaseURL = fulcioUrl ?? sigstore.DEFAULT_FULCIO_URL;
  const rekorBaseURL = rekorUrl ?? sigstore.DEFAULT_REKOR_URL;
  const waiting = { retry: 2, timeout: TIMEOUT };
  const signer = new sigstore.FulcioSigner({
    fulcioBaseURL,
    identityProvider: { getToken: async () => identityToken },
    ...waiting,
  });
  const witnesses = [
    new sigstore.RekorWitness({ rekorBaseURL, entryType: "dsse", ...waiting }),
    ...(timestampUrl === undefined
      ? []
      : [new sigstore.TSAWitness({ tsaBaseURL: timestampUrl, ...waiting })]),
  ];
  const builder = new sigstore.DSSEBundleBuilder({ signer, witnesses });
  const { payload } = envelopeOf(statement);
  try {
    const bundle = await builder.create({ data: Buffer.from(payload), type: STATEMENT_TYPE });
    return Buffer.from(JSON.stringify(sigstore.bundleToJSON(bundle)));
  } catch (error) {
    const urls = { CA_CREATE: fulcioBaseURL, TLOG: rekorBaseURL, TSA: timestampUrl ?? "" };
    throw failureOf(error, { urls, identityToken });
  }
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

/** A server might say the token again. */
function failureOf(
  error: unknown,
  { urls, identityToken }: { urls: Record<keyof typeof STEPS, string>; identityToken: string },
): VarveError {
  const { code = "", cause, message } = error as { code?: unknown; cause?: unknown; message: string };
  const step = (Object.keys(STEPS) as (keyof typeof STEPS)[]).find((name) => String(code).startsWith(name));
  const reason = (cause instanceof Error ? cause.message : message)
    .replaceAll(identityToken, "…")
    .slice(0, 300);
  return new VarveError(
    "SIGNING_FAILED",
    step === undefined
      ? `signing without a key failed: ${reason}`
      : `${urls[step]} ${STEPS[step]}: ${reason}`,
  );
}

/**
 * The token of the CI that this process runs in, for sigstore.
 * @throws VarveError `SIGNING_FAILED`, `UNSUPPORTED_NODE`
 */
export async function ciToken(): Promise<string> {
  const { CIContextProvider } = await loadSigner();
  try {
    return await new CIContextProvider("sigstore").getToken();
  } catch {
    throw new VarveError(
      "SIGNING_FAILED",
      "the CI gave no identity token; on GitHub the job needs the permission id-token: write",
    );
  }
}
