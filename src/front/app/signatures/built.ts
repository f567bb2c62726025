/** Signs images where they were built, with what was written down of them. */
import { signatureStatement, statementAbout } from "#attest";
import { VarveError } from "#errors";
import type { Descriptor } from "#oci";
import { type AttachedDocument, hasRoom } from "../attest/attach.ts";
import type { ImageDocument } from "../attest/wanted.ts";
import type { Operation } from "../machine.ts";
import type { Target, WritingOptions } from "../places.ts";
import { attachBundles, type BundleMaker, bundleMaker, type SignerOptions } from "./sign.ts";

/** How an image that is built is signed. */
export interface SignBuiltOptions {
  /** Who signs it, and what is attached to it; nobody unless given. */
  readonly sign?:
    | (SignerOptions & { readonly annotations?: Readonly<Record<string, string>> | undefined })
    | undefined;
}

/** What was built, at one of the places. */
export interface BuiltSubject {
  readonly subject: Descriptor;
  readonly documents?: readonly ImageDocument[];
}

export interface BuiltSignerOptions extends SignBuiltOptions, Pick<WritingOptions, "onWarning"> {
  readonly to: readonly Target[];
  readonly operation: Operation;
}

/** Signs what was built. */
export interface BuiltSigner {
  /**
   * Signs manifests at one of the places, and attests what was written down of them; warns where nothing can hang on images.
   * @param at which of the places
   */
  sign(at: number, built: readonly BuiltSubject[]): Promise<AttachedDocument[]>;
}

/** Opens the key that signs what is built; see the door. */
export async function keyedSigner(
  sign: NonNullable<SignBuiltOptions["sign"]>,
  { to, operation, onWarning }: BuiltSignerOptions,
): Promise<BuiltSigner> {
  const rooms = await Promise.all(
    to.map(async (target) => typeof target === "string" && (await hasRoom(target))),
  );
  if (!rooms.includes(true)) {
    throw new VarveError(
      "USAGE",
      "a signature hangs on an image, and nothing can where this one goes; write it to a registry or an OCI layout",
    );
  }
  const make = await bundleMaker(sign, operation);
  return {
    async sign(at, built) {
      const target = to[at]!;
      if (rooms[at] === true && typeof target === "string") {
        return await signAt(target, { built, make, annotations: sign.annotations, operation });
      }
      onWarning?.(`the image is signed, but not in ${nameOf(target)}, where nothing can hang on it`);
      return [];
    },
  };
}

function nameOf(target: Target): string {
  return typeof target === "string" ? target : target.name;
}

interface SignAt {
  readonly built: readonly BuiltSubject[];
  readonly make: BundleMaker;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly operation: Operation;
}

async function signAt(
  target: string,
  { built, make, annotations, operation }: SignAt,
): Promise<AttachedDocument[]> {
  const { machine, signal } = operation;
  await using store = await machine.transports.referrerStore(target);
  const attached: AttachedDocument[] = [];
  for (const { subject, documents = [] } of built) {
    const { digest } = subject;
    const own = documents.filter((document) => document.subject === digest);
    const statements = [
      ...own.map((document) => ({ kind: document.kind, statement: attestedStatement(document) })),
      { kind: "signature" as const, statement: signatureStatement(digest, annotations) },
    ];
    const bundles = await attachBundles(store, {
      ...{ statements: statements.map(({ statement }) => statement), subject, make, signal },
    });
    for (const [at, descriptor] of bundles.entries()) {
      const { kind } = statements[at]!;
      attached.push({ destination: store.name, kind, signed: true, subject: digest, descriptor });
    }
  }
  return attached;
}

/** A document as what is said of an image; provenance is that already. */
function attestedStatement({ kind, bytes, predicateType, subject }: ImageDocument): Uint8Array {
  if (kind === "provenance") return bytes;
  const predicate: unknown = JSON.parse(Buffer.from(bytes).toString());
  return statementAbout(subject, { predicateType, predicate });
}
