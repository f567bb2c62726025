/** Where an identity token comes from. */
import { ciToken } from "#attest";
import { errnoOf, VarveError } from "#errors";
import { readWhole } from "#util";
import type { Operation } from "../machine.ts";

/** Who signs without a key. */
export interface IdentityOptions {
  /** An OIDC token, or the path of a file with one; by default that of the CI that varve runs in. */
  readonly identityToken?: string | undefined;
}

/** The longest token, in bytes. */
const MAX_TOKEN = 64 * 1024;

/**
 * The token that names who signs: one that is given, that of GitLab in `SIGSTORE_ID_TOKEN`, or one that GitHub or Buildkite gives.
 * @throws VarveError `SIGNING_FAILED` where there is none, `UNREADABLE`, `TOO_LARGE`, `UNSUPPORTED_NODE`
 */
export async function identityToken(
  { identityToken: given }: IdentityOptions,
  operation: Operation,
): Promise<string> {
  const { environment = {} } = operation.machine;
  if (given !== undefined) return await tokenIn(given, operation);
  const fromEnvironment = environment["SIGSTORE_ID_TOKEN"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment.trim();
  if (environment["ACTIONS_ID_TOKEN_REQUEST_URL"] !== undefined || environment["BUILDKITE"] === "true") {
    return await ciToken(operation.signal);
  }
  throw new VarveError(
    "SIGNING_FAILED",
    "there is no key to sign with, and no identity token: give --key FILE or --identity-token, or run in a CI that names its jobs (on GitHub with the permission id-token: write, on GitLab with SIGSTORE_ID_TOKEN among id_tokens)",
  );
}

/** A token has three parts with dots between them, and is never shown, so it must not be taken for a file's name. */
async function tokenIn(given: string, { signal }: Operation): Promise<string> {
  if (/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/.test(given)) return given;
  try {
    return (await readWhole(given, { limit: MAX_TOKEN, signal })).toString().trim();
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (errnoOf(cause) === "ENAMETOOLONG" || given.length > 500) {
      throw new VarveError(
        "SIGNING_FAILED",
        "what is given as identity token is neither an OIDC token nor a file",
      );
    }
    throw error;
  }
}
