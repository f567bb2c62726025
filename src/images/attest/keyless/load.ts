/** sigstore's libraries, loaded when a certificate or a log entry is to be made or judged: they take their time, and a newer Node.js than varve does. */
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import { cancelled, VarveError } from "#errors";
import { satisfies } from "#util";

/** What their packages say. */
const NODE_RANGE = "^22.22.2 || ^24.15.0 || >=26.0.0";

/**
 * Fails where sigstore's libraries don't run.
 * @throws VarveError `UNSUPPORTED_NODE`
 */
export function checkNode(version = process.versions.node): void {
  if (satisfies(version, NODE_RANGE)) return;
  throw new VarveError(
    "UNSUPPORTED_NODE",
    `certificates and log entries of sigstore need Node.js ${NODE_RANGE.replaceAll(" || ", ", ")}, and this is ${version}; use a newer one, or sign and verify with a key`,
  );
}

/** What judges certificates and log entries. */
export async function loadVerifier() {
  checkNode();
  const [bundle, verify, specs] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/verify"),
    import("@sigstore/protobuf-specs"),
  ]);
  return {
    ...bundle,
    ...verify,
    rootFromJSON: (value: unknown): TrustedRoot => specs.TrustedRoot.fromJSON(value),
  };
}

/** What makes them. */
export async function loadSigner() {
  checkNode();
  const [bundle, sign] = await Promise.all([import("@sigstore/bundle"), import("@sigstore/sign")]);
  return { ...sign, bundleToJSON: bundle.bundleToJSON };
}

/**
 * Waits for what the libraries do, which know of no signal.
 * @param what names the work in the error: `signing`
 * @throws VarveError `ABORTED`
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  { what, signal }: { readonly what: string; readonly signal: AbortSignal | undefined },
): Promise<T> {
  if (signal === undefined) return await work;
  const ended = Promise.withResolvers<never>();
  const end = () => ended.reject(cancelled(what, signal.reason));
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener("abort", end);
    // Nobody waits for it any more.
    work.catch(() => {});
  }
}
