/** The options of commands that sign, and of those that demand signatures. */
import type { Command } from "commander";
import type { SignatureDemand, SignerOptions } from "#app";
import { Memo, shown } from "#util";
import { ask, canAsk } from "./ask.ts";

/** What `--platform` does here. */
export const ONE_PLATFORM = "the image for this platform, and not the index that a name may mean";

/** What the options of signing are parsed to. */
export interface SigningOptions extends Omit<SignerOptions, "askPassphrase"> {}

/** Adds the options that say who signs. */
export function signingOptions(command: Command): Command {
  return command
    .option(
      "--key <file>",
      "the private key, or env://NAME for a variable with it: PEM, plain or encrypted, or as cosign writes it; its passphrase is in VARVE_KEY_PASSWORD or COSIGN_PASSWORD, or is asked for (default: sigstore gives a certificate for whom an identity token names)",
    )
    .option(
      "--identity-token <token>",
      "an OIDC token, or a file with one (default: that of GitHub Actions, GitLab or Buildkite)",
    )
    .option("--fulcio-url <url>", "who gives certificates (default: sigstore's public Fulcio)")
    .option(
      "--rekor-url <url>",
      "the log of signatures; a key's go into one only if it is given (default: sigstore's public Rekor)",
    )
    .option("--timestamp-url <url>", "a timestamp authority, in addition");
}

/** What of the options says who signs. */
export function signingFields(options: SigningOptions): SigningOptions {
  const { key, identityToken, fulcioUrl, rekorUrl, timestampUrl } = options;
  return { key, identityToken, fulcioUrl, rekorUrl, timestampUrl };
}

/** Who signs, as the application takes it. */
export function signerOf(options: SigningOptions): SignerOptions {
  const answers = new Memo();
  return {
    ...signingFields(options),
    // Several images are signed with one answer.
    askPassphrase: async (name) => await answers.get(name, () => askPassphrase(name)),
  };
}

async function askPassphrase(name: string): Promise<string | undefined> {
  return canAsk() ? await ask(`Passphrase of ${shown(name)}: `, { hidden: true }) : undefined;
}

/** Adds the options that say whose signatures are demanded. */
export function demandOptions(command: Command): Command {
  return command
    .option("--key <file>", "the public key that must have signed, or env://NAME for a variable with it")
    .option("--require-log", "demand an entry in a transparency log of what a key has signed, too")
    .option(
      "--certificate-identity <name>",
      "whom the certificate must name: an email address, or a workflow's URI",
    )
    .option(
      "--certificate-identity-regexp <regexp>",
      "the same as a regular expression, which may fit any part of it unless it has ^ and $",
    )
    .option("--certificate-oidc-issuer <url>", "who must say so")
    .option("--certificate-oidc-issuer-regexp <regexp>", "the same as a regular expression")
    .option(
      "--trusted-root <file>",
      "whose certificates and log entries count, a trusted_root.json (default: sigstore's public good instance, through TUF)",
    )
    .option("--tuf-url <url>", "another TUF repository for it")
    .option("--tuf-root <file>", "that repository's own root");
}

/** What is demanded, as the application takes it. */
export function demandOf(options: SignatureDemand): SignatureDemand {
  const { key, requireLog, trustedRoot, tufUrl, tufRoot } = options;
  const { certificateIdentity, certificateIdentityRegexp } = options;
  const { certificateOidcIssuer, certificateOidcIssuerRegexp } = options;
  return {
    ...{ key, requireLog, trustedRoot, tufUrl, tufRoot, certificateIdentity, certificateIdentityRegexp },
    ...{ certificateOidcIssuer, certificateOidcIssuerRegexp },
  };
}

/** What the options of commands are parsed to that take only signed images. */
export interface SourceDemandOptions {
  readonly verifyKey?: string;
  readonly verifyIdentity?: string;
  readonly verifyIssuer?: string;
  readonly verifyTrustedRoot?: string;
}

/** Adds the options of commands that take only signed images. */
export function sourceDemandOptions(command: Command): Command {
  return command
    .option("--verify-key <file>", "take the image only if this public key has signed it: see varve verify")
    .option("--verify-identity <name>", "take the image only if whom a certificate names has signed it")
    .option("--verify-issuer <url>", "who must say so, with --verify-identity")
    .option("--verify-trusted-root <file>", "whose certificates count, a trusted_root.json");
}

/** What is demanded, as the application takes it; undefined if nothing is. */
export function sourceDemandOf(options: SourceDemandOptions): SignatureDemand | undefined {
  const { verifyKey, verifyIdentity, verifyIssuer, verifyTrustedRoot } = options;
  const all = [verifyKey, verifyIdentity, verifyIssuer, verifyTrustedRoot];
  if (all.every((each) => each === undefined)) return undefined;
  return {
    ...{ key: verifyKey, certificateIdentity: verifyIdentity, certificateOidcIssuer: verifyIssuer },
    trustedRoot: verifyTrustedRoot,
  };
}
