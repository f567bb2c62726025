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
  /** Why it isn't what it is said to be: it can't be read, or hangs on something else. */
  readonly fault?: string;
  /** Why not all that hangs on it is known. */
  readonly unlisted?: string;
  /** Whether it stands elsewhere, too, with what hangs on it. */
  readonly isRepeated?: true;
  readonly children: readonly ReferrerNode[];
}

/** More manifests than hang together anywhere. */
const MAX_NODES = 10_000;
/** How many requests wait for answers at the same time. */
const PARALLEL = 8;
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
  // Where one fails for all, those that are under way aren't waited for, nor tried again.
  const rest = new AbortController();
  const tree = new Tree(source, AbortSignal.any([...(signal === undefined ? [] : [signal]), rest.signal]));
  try {
    return inOrder(
      await tree.node(await source.document(subject, signal), { descriptor: subject, depth: 0 }),
    );
  } finally {
    rest.abort();
  }
}

/** The same tree, in which what stands at several places has what hangs on it at the first of them, whichever was looked into. */
function inOrder(root: ReferrerNode): ReferrerNode {
  const known = new Map<string, ReferrerNode>();
  const learn = (node: ReferrerNode): void => {
    if (!node.isRepeated && node.fault === undefined) known.set(node.descriptor.digest, node);
    for (const child of node.children) learn(child);
  };
  learn(root);
  const seen = new Set<string>();
  const ordered = ({ isRepeated, children, ...node }: ReferrerNode): ReferrerNode => {
    const { digest } = node.descriptor;
    if (node.fault !== undefined) return { ...node, children: children.map(ordered) };
    if (seen.has(digest)) return { ...node, isRepeated: true, children: [] };
    seen.add(digest);
    const more = isRepeated ? (known.get(digest)?.children ?? []) : [];
    return { ...node, children: [...children, ...more].map(ordered) };
  };
  return ordered(root);
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
  readonly #signal: AbortSignal;
  readonly #requests = new Requests();
  readonly #seen = new Set<string>();
  #count = 0;

  constructor(source: ReferrerSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  async node(document: ManifestOrIndex, place: Place): Promise<ReferrerNode> {
    const { relation, tag, depth } = place;
    const { platform } = place.descriptor;
    const entry = referrerEntry(document.document);
    const isImage =
      document.kind === "manifest" && relation !== "referrer" && isImageManifest(document.document.value);
    const { artifactType: _, ...untyped } = entry;
    const descriptor = { ...(isImage ? untyped : entry), ...(platform && { platform }) };
    const manifest = document.kind === "manifest" ? document.document.value : undefined;
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
      return { ...own, unlisted: `things hang on each other more than ${MAX_DEPTH} deep`, children: [] };
    }
    const parts = [
      ...(document.kind === "index" ? [this.#entries(document.document.value.manifests, place)] : []),
      this.#referrers(descriptor, depth + 1),
      ...(relation === undefined || relation === "platform" ? [this.#tagged(descriptor, depth + 1)] : []),
    ];
    const outcomes = await Promise.all(
      parts.map((part) =>
        part.then(
          (nodes) => ({ nodes, faults: [] }),
          (error: unknown) => ({ nodes: [], faults: [faultOf(error)] }),
        ),
      ),
    );
    const faults = outcomes.flatMap((outcome) => outcome.faults);
    return {
      ...own,
      ...(faults.length > 0 && { unlisted: faults.join("; ") }),
      children: outcomes.flatMap(({ nodes }) => nodes),
    };
  }

  async #referrers(subject: Descriptor, depth: number): Promise<ReferrerNode[]> {
    const query = { signal: this.#signal };
    const listed = await this.#requests.run(() => this.#source.referrers(subject.digest, query));
    return await Promise.all(
      listed.map((descriptor) => this.#follow({ descriptor, relation: "referrer", subject, depth })),
    );
  }

  /** What an index names; BuildKit's attestations stand under the images that they are about. */
  async #entries(entries: readonly Descriptor[], { relation, depth }: Place): Promise<ReferrerNode[]> {
    const images = entries.filter((entry) => !isAttestation(entry));
    const about = new Map(images.map(({ digest }) => [digest as string, [] as Descriptor[]]));
    const others: Descriptor[] = [];
    for (const { platform: _, ...entry } of entries.filter(isAttestation))
      (about.get(entry.annotations?.["vnd.docker.reference.digest"] ?? "") ?? others).push(entry);
    const as = relation === undefined || relation === "platform" ? "platform" : "part";
    const nodes = images.map(async (descriptor) => {
      const attestations = about.get(descriptor.digest) ?? [];
      about.delete(descriptor.digest);
      const [first, node] = await Promise.all([
        this.#attestations(attestations, depth + 2),
        this.#follow({ descriptor, relation: as, depth: depth + 1 }),
      ]);
      return { ...node, children: [...first, ...node.children] };
    });
    const [named, rest] = await Promise.all([Promise.all(nodes), this.#attestations(others, depth + 1)]);
    return [...named, ...rest];
  }

  async #attestations(entries: readonly Descriptor[], depth: number): Promise<ReferrerNode[]> {
    return await Promise.all(
      entries.map((descriptor) => this.#follow({ descriptor, relation: "attestation", depth })),
    );
  }

  async #tagged({ digest }: Descriptor, depth: number): Promise<ReferrerNode[]> {
    const nodes = OLD_TAGS.map(async (end) => {
      const tag = `${referrersTag(digest)}.${end}`;
      const found = await this.#requests.run(() => this.#source.tagged(tag, this.#signal));
      if (found === undefined) return [];
      this.#counted();
      const { descriptor } = found.document;
      return [await this.node(found, { descriptor, relation: "tag", tag, depth })];
    });
    return (await Promise.all(nodes)).flat();
  }

  async #follow(place: Place): Promise<ReferrerNode> {
    const { descriptor, relation, subject } = place;
    this.#counted();
    try {
      const found = await this.#requests.run(() => this.#source.document(descriptor, this.#signal));
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

/** Lets so many requests wait for answers at the same time; after one has failed for all, none is begun. */
class Requests {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #failure: { readonly error: unknown } | undefined;

  async run<T>(request: () => Promise<T>): Promise<T> {
    if (this.#running >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      return await request();
    } catch (error) {
      if (!isFault(error)) this.#failure ??= { error };
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** It isn't one manifest's fault. */
class TooMany extends VarveError {}

function isFault(error: unknown): error is VarveError {
  return error instanceof VarveError && FAULTS.has(error.code) && !(error instanceof TooMany);
}

function faultOf(error: unknown): string {
  if (isFault(error)) return error.message;
  throw error;
}
