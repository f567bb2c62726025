/** Signs images, and what is said of them. */
import {
  BUNDLE_TYPE,
  parseStatement,
  predicateTypeOf,
  SIGNATURE_PREDICATE,
  signatureStatement,
  signKeyless,
  signWithKey,
  signWithKeyInLog,
  statementAbout,
} from "#attest";
import { VarveError } from "#errors";
import { type Descriptor, type Digest, isAttestation } from "#oci";
import { type Artifact, attachArtifacts, type ReferrerStore } from "#referrers";
import { type Operation, type OperationOptions, operate } from "../machine.ts";
import { PREDICATE_TYPE } from "./find.ts";
import { type IdentityOptions, identityToken } from "./identity.ts";
import { openSigningKey } from "./keys.ts";

/** Who signs: a key, or else whom an identity token names. */
export interface SignerOptions extends IdentityOptions {
  /** A private key: a file's path, or `env://NAME`. */
  readonly key?: string | undefined;
  /** Asked for the passphrase of an encrypted key, unless `VARVE_KEY_PASSWORD` or `COSIGN_PASSWORD` has it. */
  readonly askPassphrase?: ((name: string) => Promise<string | undefined>) | undefined;
  /** Who gives certificates; the public good instance of sigstore unless given. */
  readonly fulcioUrl?: string | undefined;
  /** The log of signatures; the public one unless given. Those with a key go into one only if it is given. */
  readonly rekorUrl?: string | undefined;
  /** A timestamp authority, in addition. */
  readonly timestampUrl?: string | undefined;
}

/** How an image is signed. */
export interface SignOptions extends OperationOptions, SignerOptions {
  /** What the signature says in addition. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Signs the images that an index names as well. */
  readonly recursive?: boolean | undefined;
}

/** A signature or an attestation that was made. */
export interface Signed {
  /** What is signed: the digest of a manifest or an index. */
  readonly digest: Digest;
  /** The platform of an image that an index names. */
  readonly platform?: Descriptor["platform"];
  /** What is said of it. */
  readonly predicateType: string;
  /** The manifest that has the bundle, and hangs on the image. */
  readonly bundle: Descriptor;
}

/** What was signed where. */
export interface SignedImage {
  /** The place, as people call it. */
  readonly name: string;
  /** Those of the image or index itself first. */
  readonly signed: readonly Signed[];
}

/** Signs an image; see the door. */
export async function signImage(ref: string, options: SignOptions): Promise<SignedImage> {
  const { annotations, recursive = false } = options;
  return await signing(ref, options, async ({ store, subject, signer, operation }) => {
    const inner = recursive ? await imagesOf(store, subject, operation) : [];
    const signed: Signed[] = [];
    for (const each of [subject, ...inner]) {
      const { platform } = each;
      const own = await signer(signatureStatement(each.digest, annotations), each);
      signed.push({ ...own, ...(platform !== undefined && { platform }) });
    }
    return { name: store.name, signed };
  });
}

/** What is attested. */
export interface AttestingOptions extends OperationOptions, SignerOptions {
  /** What kind of predicate it is: a short name such as `cyclonedx`, or its type, a URI. */
  readonly type: string;
  /** What is said of the image, as JSON has it. */
  readonly predicate: unknown;
}

/** Signs what is said of an image; see the door. */
export async function attestImage(ref: string, options: AttestingOptions): Promise<SignedImage> {
  const { predicate } = options;
  const predicateType = predicateTypeOf(options.type);
  if (predicateType === SIGNATURE_PREDICATE) {
    throw new VarveError("USAGE", "a signature is no attestation; sign the image instead");
  }
  return await signing(ref, options, async ({ store, subject, signer }) => {
    const statement = statementAbout(subject.digest, { predicateType, predicate });
    return { name: store.name, signed: [await signer(statement, subject)] };
  });
}

interface Signing {
  readonly store: ReferrerStore;
  readonly subject: Descriptor;
  readonly operation: Operation;
  /** Signs a statement, and attaches the bundle. */
  readonly signer: (statement: Uint8Array, subject: Descriptor) => Promise<Signed>;
}

async function signing<T>(
  ref: string,
  options: OperationOptions & SignerOptions,
  work: (signing: Signing) => Promise<T>,
): Promise<T> {
  return await operate(options, async (operation) => {
    const { machine, read, signal } = operation;
    // Before anything is asked of a registry: a passphrase may be wrong.
    const make = await bundleMaker(options, operation);
    await using store = await machine.transports.referrerStore(ref);
    const subject = await store.subject(read.strict === true ? read.platform : undefined, signal);
    const signer = async (statement: Uint8Array, about: Descriptor): Promise<Signed> => {
      const { predicateType } = parseStatement(statement, "what is to be signed");
      const [bundle] = await attachBundles(store, { statements: [statement], subject: about, make, signal });
      return { digest: about.digest, predicateType, bundle: bundle! };
    };
    return await work({ store, subject, operation, signer });
  });
}

/** Makes a bundle of a statement. */
export type BundleMaker = (statement: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** What attaching bundles takes. */
interface NewBundles {
  readonly statements: readonly Uint8Array[];
  readonly subject: Descriptor;
  readonly make: BundleMaker;
  readonly signal: AbortSignal | undefined;
}

/** Signs statements, and attaches the bundles as cosign 3 does; but for their time, which would make them others each time. */
export async function attachBundles(
  store: ReferrerStore,
  { statements, subject, make, signal }: NewBundles,
): Promise<Descriptor[]> {
  const artifacts: Artifact[] = [];
  for (const statement of statements) {
    const { predicateType } = parseStatement(statement, "what is to be signed");
    artifacts.push({
      artifactType: BUNDLE_TYPE,
      blobs: [{ mediaType: BUNDLE_TYPE, bytes: await make(statement) }],
      annotations: { "dev.sigstore.bundle.content": "dsse-envelope", [PREDICATE_TYPE]: predicateType },
    });
  }
  return await attachArtifacts(store, { artifacts, subject, signal });
}

/**
 * Makes bundles, with a key that is opened once, or a token that is fetched once.
 * @throws VarveError what opening a key, or fetching a token, throws
 */
export async function bundleMaker(options: SignerOptions, operation: Operation): Promise<BundleMaker> {
  const { fulcioUrl, rekorUrl, timestampUrl } = options;
  const { signal } = operation;
  if (options.key !== undefined) {
    const key = await openSigningKey(options.key, { operation, ask: options.askPassphrase });
    if (rekorUrl === undefined) return (statement) => signWithKey(statement, key);
    return (statement) => signWithKeyInLog(statement, { key, rekorUrl, timestampUrl, signal });
  }
  const token = await identityToken(options, operation);
  const services = { fulcioUrl, rekorUrl, timestampUrl, signal };
  return (statement) => signKeyless(statement, { identityToken: token, ...services });
}

/** The images that an index names, without attestations, which are none. */
async function imagesOf(
  store: ReferrerStore,
  subject: Descriptor,
  { signal }: Operation,
): Promise<readonly Descriptor[]> {
  const found = await store.document(subject, signal);
  if (found.kind !== "index") return [];
  return found.document.value.manifests.filter((each) => !isAttestation(each));
}
