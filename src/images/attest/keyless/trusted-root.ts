/** Whom certificates and log entries are believed: the keys and certificates of Fulcio, Rekor and their like. */
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import { reasonOf, VarveError } from "#errors";
import { parseJson } from "#util";
import { checkNode, loadVerifier, unlessAborted } from "./load.ts";

/** The longest file of a trusted root that is read, in bytes. */
export const MAX_TRUSTED_ROOT_BYTES = 8 * 1024 * 1024;

/** Keys and certificates that are trusted. */
export interface TrustedMaterial {
  /** What it is called in sentences. */
  readonly name: string;
  /** @internal */
  readonly root: TrustedRoot;
}

/**
 * Reads a trusted root, as `trusted_root.json` has it.
 * @throws VarveError `INVALID_KEY`, `INVALID_JSON`, `UNSUPPORTED_NODE`
 */
export async function parseTrustedRoot(bytes: Uint8Array, name: string): Promise<TrustedMaterial> {
  const value = parseJson(bytes, { what: name, maxBytes: MAX_TRUSTED_ROOT_BYTES });
  const { rootFromJSON, toTrustMaterial } = await loadVerifier();
  const isOne = typeof value === "object" && value !== null && "mediaType" in value;
  try {
    if (!isOne) throw new Error("it has no mediaType");
    const root = rootFromJSON(value);
    // Its keys and certificates are read here, and not when a signature is at hand.
    toTrustMaterial(root);
    return { name, root };
  } catch (cause) {
    throw new VarveError(
      "INVALID_KEY",
      `${name} isn't a trusted root of sigstore: ${reasonOf(cause).slice(0, 200)}`,
      { cause },
    );
  }
}

/** Where a trusted root is fetched from. */
export interface TufOptions {
  /** A mirror of the repository; the public good instance's unless given. */
  readonly url?: string | undefined;
  /** The file with the repository's own root, for another repository than the public one. */
  readonly rootFile?: string | undefined;
  /** The folder where the repository's files are kept. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches the trusted root through TUF.
 * @throws VarveError `NETWORK`, `UNSUPPORTED_NODE`
 */
export async function fetchTrustedRoot({
  url,
  rootFile,
  folder,
  signal,
}: TufOptions): Promise<TrustedMaterial> {
  checkNode();
  const { getTrustedRoot, DEFAULT_MIRROR_URL } = await import("@sigstore/tuf");
  const mirror = url ?? DEFAULT_MIRROR_URL;
  try {
    const work = getTrustedRoot({
      mirrorURL: mirror,
      cachePath: folder,
      ...(rootFile !== undefined && { rootPath: rootFile }),
    });
    const root = await unlessAborted(work, { what: `fetching the trusted root of ${mirror}`, signal });
    return { name: `the trusted root of ${mirror}`, root };
  } catch (cause) {
    if (cause instanceof VarveError) throw cause;
    throw new VarveError(
      "NETWORK",
      `the trusted root can't be had from ${mirror}: ${reasonOf(cause).slice(0, 300)}; --trusted-root names a file instead`,
      { cause },
    );
  }
}
