/** What hangs on an image, and on that, and so on. */
import { VarveError } from "#errors";
import { type Descriptor, isAttestation, isImageManifest, type ManifestOrIndex } from "#oci";
import { checkSubject } from "./artifact.ts";
import { referrerEntry, referrersTag } from "./entries.ts";
import { kindOf } from "./kinds.ts";
import type { ReferrerSource } from "./store.ts";

/**
 * How something is connected with what it stands under: the index names it for a platform, as an attestation (BuildKit's way), or as one
 * of its parts; it refers to it; or it has the tag that cosign used to give what it made for it.
 */
export type Relation = "platform" | "attestation" | "part" | "referrer" | "tag";

/** A manifest or an index, and what is connected with it. */
export interface ReferrerNode {
  /** As it is, whatever the list said that has it: with its type and annotations, and the platform that an index names it for. */
  readonly descriptor: Descriptor;
  /** Undefined for the first. */
  readonly relation: Relation | undefined;
  /** The tag of what has one of cosign's. */
  readonly tag?: string;
  /** A short word for what it is, where that is known, such as `SBOM (CycloneDX)` or `signature`. */
  readonly kind?: string;
  /** How many bytes its blobs have together; zero for an index. */
  readonly content: number;
  /** Why it can't be trusted, or not be looked into: it isn't there, or hangs on something else. */
  readonly fault?: string;
  /** Whether it stands elsewhere, too, with what hangs on it. */
  readonly isRepeated?: true;
  readonly children: readonly ReferrerNode[];
}

/** More manifests than hang together anywhere. */
const MAX_NODES = 10_000;
/** A signature of an attestation of a platform's image of an index is four deep. */
const MAX_DEPTH = 12;

const OLD_TAGS = ["sig", "att", "sbom"] as const;

/** What is wrong with one manifest, which is no reason not to look at the others. */
const FAULTS: ReadonlySet<string> = new Set([
  ...["IMAGE_NOT_FOUND", "INVALID_MANIFEST", "INVALID_JSON", "INVALID_DIGEST", "INVALID_IMAGE"],
  ...["DIGEST_MISMATCH", "SIZE_MISMATCH", "TOO_LARGE"],
]);

/**
 * Looks at all that hangs on a manifest or an index. Each is read, and whatever hangs on something else is said to.
 * @throws VarveError `TOO_LARGE` for more than anybody has; what reading the first of them, or reaching the source, throws
 */
export async function readTree(
  source: ReferrerSource,
  subject: Descriptor,
  signal: AbortSignal | undefined,
): Promise<ReferrerNode> {
  const tree = new Tree(source, signal);
  return await tree.node(await source.document(subject, signal), { descriptor: subject, depth: 0 });
}

interface Place {
  /** As what has led there says it. */
  readonly descriptor: Descriptor;
  readonly depth: number;
  readonly relation?: Relation;
  readonly tag?: string;
  /** To what it has to refer. */
  readonly subject?: Descriptor;
}

class Tree {
  readonly #source: ReferrerSource;
  readonly #signal: AbortSignal | undefined;
  readonly #seen = new Set<string>();
  #count = 0;

  constructor(source: ReferrerSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  async node(found: ManifestOrIndex, place: Place): Promise<ReferrerNode> {
    const { relation, tag, depth } = place;
    const { platform } = place.descriptor;
    const entry = referrerEntry(found.document);
    const isImage =
      found.kind === "manifest" && relation !== "referrer" && isImageManifest(found.document.value);
    const { artifactType: _, ...untyped } = entry;
    const descriptor = { ...(isImage ? untyped : entry), ...(platform && { platform }) };
    const manifest = found.kind === "manifest" ? found.document.value : undefined;
    const kind =
      relation === undefined || relation === "platform" ? undefined : kindOf(entry, { manifest, tag });
    const own = {
      ...{ descriptor, relation },
      ...(tag !== undefined && { tag }),
      ...(kind !== undefined && { kind }),
      content: manifest?.layers.reduce((sum, { size }) => sum + size, 0) ?? 0,
    };
    if (this.#seen.has(descriptor.digest)) return { ...own, isRepeated: true, children: [] };
    this.#seen.add(descriptor.digest);
    if (depth >= MAX_DEPTH) {
      return { ...own, fault: `what hangs on it is more than ${MAX_DEPTH} deep`, children: [] };
    }
    const hasOldTags = relation === undefined || relation === "platform";
    try {
      const children = [
        ...(found.kind === "index" ? await this.#entries(found.document.value.manifests, place) : []),
        ...(await this.#referrers(descriptor, depth + 1)),
        ...(hasOldTags ? await this.#tagged(descriptor, depth + 1) : []),
      ];
      return { ...own, children };
    } catch (error) {
      return { ...own, fault: faultOf(error), children: [] };
    }
  }

  /** What an index names; BuildKit's attestations stand under the images that they are about. */
  async #entries(entries: readonly Descriptor[], { relation, depth }: Place): Promise<ReferrerNode[]> {
    const images = entries.filter((entry) => !isAttestation(entry));
    const rest = new Set(entries.filter(isAttestation));
    const nodes: ReferrerNode[] = [];
    for (const descriptor of images) {
      const as = relation === undefined || relation === "platform" ? "platform" : "part";
      const node = await this.#follow({ descriptor, relation: as, depth: depth + 1 });
      const about = [...rest].filter(
        (each) => each.annotations?.["vnd.docker.reference.digest"] === descriptor.digest,
      );
      for (const each of about) rest.delete(each);
      nodes.push({ ...node, children: [...(await this.#attestations(about, depth + 2)), ...node.children] });
    }
    return [...nodes, ...(await this.#attestations([...rest], depth + 1))];
  }

  async #attestations(entries: readonly Descriptor[], depth: number): Promise<ReferrerNode[]> {
    const nodes: ReferrerNode[] = [];
    for (const { platform: _, ...descriptor } of entries)
      nodes.push(await this.#follow({ descriptor, relation: "attestation", depth }));
    return nodes;
  }

  async #referrers(subject: Descriptor, depth: number): Promise<ReferrerNode[]> {
    const nodes: ReferrerNode[] = [];
    for (const descriptor of await this.#source.referrers(subject.digest, { signal: this.#signal }))
      nodes.push(await this.#follow({ descriptor, relation: "referrer", subject, depth }));
    return nodes;
  }

  async #tagged({ digest }: Descriptor, depth: number): Promise<ReferrerNode[]> {
    const nodes: ReferrerNode[] = [];
    for (const end of OLD_TAGS) {
      const tag = `${referrersTag(digest)}.${end}`;
      const found = await this.#source.tagged(tag, this.#signal);
      if (found === undefined) continue;
      this.#counted();
      nodes.push(
        await this.node(found, { descriptor: found.document.descriptor, relation: "tag", tag, depth }),
      );
    }
    return nodes;
  }

  async #follow(place: Place): Promise<ReferrerNode> {
    const { descriptor, relation, subject } = place;
    this.#counted();
    try {
      const found = await this.#source.document(descriptor, this.#signal);
      const { name } = this.#source;
      if (subject !== undefined) checkSubject(found.document.value.subject, { subject, descriptor, name });
      return await this.node(found, place);
    } catch (error) {
      return { descriptor, relation, content: 0, fault: faultOf(error), children: [] };
    }
  }

  #counted(): void {
    if (++this.#count <= MAX_NODES) return;
    throw new TooMany("TOO_LARGE", `more than ${MAX_NODES} manifests hang together in ${this.#source.name}`);
  }
}

/** It isn't one manifest's fault. */
class TooMany extends VarveError {}

function faultOf(error: unknown): string {
  if (error instanceof VarveError && FAULTS.has(error.code) && !(error instanceof TooMany))
    return error.message;
  throw error;
}
