/** What users demand of signatures, and whose keys and certificates that means. */
import { join } from "node:path";
import {
  fetchTrustedRoot,
  MAX_TRUSTED_ROOT_BYTES,
  parseTrustedRoot,
  type TrustedMaterial,
  type VerificationPolicy,
} from "#attest";
import { VarveError } from "#errors";
import { readWhole, userCache } from "#util";
import type { Operation } from "../machine.ts";
import { openPublicKey } from "./keys.ts";

/** Where the trusted root comes from: a file, or else a repository of TUF, by default that of the public good instance. */
export interface TrustedRootOptions {
  /** The path of a `trusted_root.json`. */
  readonly trustedRoot?: string | undefined;
  /** A TUF repository's mirror. */
  readonly tufUrl?: string | undefined;
  /** The path of that repository's own root. */
  readonly tufRoot?: string | undefined;
}

/** Whose signatures are demanded: a key's, or those of whom a certificate names. */
export interface SignatureDemand extends TrustedRootOptions {
  /** A public key: a file's path, or `env://NAME`. */
  readonly key?: string | undefined;
  /** Demands an entry in a transparency log of what a key has signed, too; certificates always need one. */
  readonly requireLog?: boolean | undefined;
  /** Whom the certificate must name: all of it. */
  readonly certificateIdentity?: string | undefined;
  /** The same as a regular expression, which may fit any part of it unless it has ^ and $. */
  readonly certificateIdentityRegexp?: string | undefined;
  /** Who must say so: all of it. */
  readonly certificateOidcIssuer?: string | undefined;
  /** The same as a regular expression. */
  readonly certificateOidcIssuerRegexp?: string | undefined;
}

/**
 * Reads the keys and certificates of a demand.
 * @throws VarveError `USAGE` where it demands nothing, or both; `INVALID_KEY`, `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `NETWORK`,
 *   `UNSUPPORTED_NODE`
 */
export async function policyOf(demand: SignatureDemand, operation: Operation): Promise<VerificationPolicy> {
  const { key, requireLog = false } = demand;
  const identity = exactOr("identity", demand.certificateIdentity, demand.certificateIdentityRegexp);
  const issuer = exactOr("OIDC issuer", demand.certificateOidcIssuer, demand.certificateOidcIssuerRegexp);
  if (key !== undefined) {
    if (identity !== undefined || issuer !== undefined) {
      throw new VarveError(
        "USAGE",
        "a signature is by a key or by whom a certificate names, and not both; demand one of them",
      );
    }
    const publicKey = await openPublicKey(key, operation);
    return { key: publicKey, log: requireLog ? await trustedRootOf(demand, operation) : undefined };
  }
  if (identity === undefined && issuer === undefined) {
    throw new VarveError(
      "USAGE",
      "say whose signature is demanded: that of a key, or of whom a certificate names, by identity and OIDC issuer",
    );
  }
  if (identity === undefined || issuer === undefined) {
    const missing = identity === undefined ? "identity" : "OIDC issuer";
    throw new VarveError(
      "USAGE",
      `a certificate's ${missing} is missing; identity and OIDC issuer only mean somebody together`,
    );
  }
  return { identity, issuer, trustedRoot: await trustedRootOf(demand, operation) };
}

function exactOr(
  what: string,
  exact: string | undefined,
  pattern: string | undefined,
): string | RegExp | undefined {
  if (pattern === undefined) return exact;
  if (exact !== undefined) {
    throw new VarveError(
      "USAGE",
      `a certificate's ${what} is given as it is or as a regular expression, and not both`,
    );
  }
  try {
    return new RegExp(pattern, "u");
  } catch {
    throw new VarveError(
      "USAGE",
      `${pattern} isn't a regular expression, which is wanted for a certificate's ${what}`,
    );
  }
}

async function trustedRootOf(
  { trustedRoot, tufUrl, tufRoot }: TrustedRootOptions,
  { machine, signal }: Operation,
): Promise<TrustedMaterial> {
  if (trustedRoot !== undefined) {
    return await parseTrustedRoot(
      await readWhole(trustedRoot, { limit: MAX_TRUSTED_ROOT_BYTES, signal }),
      trustedRoot,
    );
  }
  const { environment = {}, home, temporary } = machine;
  const folder = join(home === undefined ? temporary : userCache(environment, home), "varve-sigstore");
  return await fetchTrustedRoot({ url: tufUrl, rootFile: tufRoot, folder, signal });
}
