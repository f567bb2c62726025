/** What a repository of a registry has, as far as a registry tells: its tags, and what can be reached from them. */
import { VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  isConfigType,
  isIndexType,
  isManifestType,
  MAX_CONFIG_BYTES,
  parseDigest,
  type Reference,
} from "#oci";
import type { RegistryClient } from "#registry";
import { parseSegmentTag, unneededSegments } from "#transports";
import { collect, parseJson } from "#util";
import { isResultTag } from "../jobs/results.ts";

/** A manifest or an index. */
export interface ManifestNode {
  readonly digest: Digest;
  /** In bytes: of the document itself. */
  readonly size: number;
  /** Manifests that an index names. */
  readonly children: readonly Digest[];
  /** Blobs that a manifest names. */
  readonly blobs: readonly Pick<Descriptor, "digest" | "size">[];
  /** What it hangs on. */
  readonly subject: Digest | undefined;
  /** When the image was made, in milliseconds since 1970; undefined where it doesn't say, or wasn't asked. */
  readonly created: number | undefined;
}

/** What a tag is there for. */
export type TagRole =
  | { readonly kind: "image" }
  /** What hangs on an image, in the tag scheme of the distribution specification, or in cosign's. */
  | { readonly kind: "referrers"; readonly subject: Digest }
  /** A part of a shared cache. */
  | { readonly kind: "segment"; readonly cache: string }
  /** The result of a job, which keeps a layer until an image has it. */
  | { readonly kind: "job" };

/** What a repository has. */
export interface Survey {
  readonly tags: ReadonlyMap<string, Digest>;
  readonly nodes: ReadonlyMap<Digest, ManifestNode>;
  /** Manifests that something names and the registry hasn't. */
  readonly missing: ReadonlySet<Digest>;
  /** Tags that can't be read, and why. */
  readonly unread: ReadonlyMap<string, string>;
  /** Tags of caches' segments of which all is in others. */
  readonly replaced: ReadonlySet<string>;
}

export interface SurveyOptions {
  readonly repository: string;
  /** Further manifests to look at. */
  readonly untagged: readonly Digest[];
  /** Whether to read when images were made. */
  readonly dated: boolean;
  readonly signal: AbortSignal | undefined;
}

/** How many requests are made at the same time. */
const AT_ONCE = 8;

/** More manifests than this aren't looked at in one go. */
const MAX_NODES = 200_000;

/** Earlier images don't say when they were made: reproducible ones have 1970 or 1980 in the place of it. */
const FIRST_TIME = Date.UTC(1980, 0, 3);

/** What a tag is there for, by its form. */
export function roleOf(tag: string): TagRole {
  const [, algorithm, hex] =
    /^(sha256|sha512)-([0-9a-f]{64}(?:[0-9a-f]{64})?)(?:\.(?:sig|att|sbom))?$/.exec(tag) ?? [];
  if (hex !== undefined && hex.length === (algorithm === "sha256" ? 64 : 128)) {
    return { kind: "referrers", subject: parseDigest(`${algorithm}:${hex}`, "a tag") };
  }
  if (isResultTag(tag)) return { kind: "job" };
  const segment = parseSegmentTag(tag);
  return segment === undefined ? { kind: "image" } : { kind: "segment", cache: segment.cache };
}

/** Looks at all tags of a repository, and at what they lead to. @throws VarveError whatever talking to the registry throws */
export async function surveyOf(client: RegistryClient, options: SurveyOptions): Promise<Survey> {
  const { repository, untagged, signal } = options;
  const survey = new Surveyor(client, options);
  const names: string[] = [];
  for await (const page of client.listTags({ repository, signal })) names.push(...page);
  await inBatches(names, (name) => survey.tag(name));
  await inBatches(untagged, (digest) => survey.digest(digest));
  await survey.descend();
  const caches = new Set(
    names.flatMap((name) => {
      const role = roleOf(name);
      return role.kind === "segment" && names.includes(role.cache) ? role.cache : [];
    }),
  );
  const replaced = new Set<string>();
  for (const tag of caches) {
    const reference = { registry: client.registry, repository, tag };
    for (const name of await unneededSegments(client, { reference, signal })) replaced.add(name);
  }
  return { ...survey, replaced };
}

/** Whether the registry has a manifest, whoever names it. */
export async function isThere(
  client: RegistryClient,
  { repository, digest, signal }: { repository: string; digest: Digest; signal: AbortSignal | undefined },
): Promise<boolean> {
  const reference = { registry: client.registry, repository, digest };
  return (await client.headManifest({ reference, signal })) !== undefined;
}

export class Surveyor {
  readonly tags = new Map<string, Digest>();
  readonly nodes = new Map<Digest, ManifestNode>();
  readonly missing = new Set<Digest>();
  readonly unread = new Map<string, string>();
  readonly #client: RegistryClient;
  readonly #options: SurveyOptions;

  constructor(client: RegistryClient, options: SurveyOptions) {
    this.#client = client;
    this.#options = options;
  }

  async tag(name: string): Promise<void> {
    try {
      const digest = await this.#read({ tag: name });
      if (digest !== undefined) this.tags.set(name, digest);
    } catch (error) {
      if (!(error instanceof VarveError) || !isAbout(error)) throw error;
      this.unread.set(name, error.message);
    }
  }

  async digest(digest: Digest): Promise<void> {
    if (this.nodes.has(digest) || this.missing.has(digest)) return;
    try {
      if ((await this.#read({ digest })) === undefined) this.missing.add(digest);
    } catch (error) {
      if (!(error instanceof VarveError) || !isAbout(error)) throw error;
      this.unread.set(digest, error.message);
    }
  }

  /** Reads what indexes name, and so on. */
  async descend(): Promise<void> {
    for (;;) {
      const named = new Set([...this.nodes.values()].flatMap(({ children }) => children));
      const unknown = [...named].filter(
        (digest) => !this.nodes.has(digest) && !this.missing.has(digest) && !this.unread.has(digest),
      );
      if (unknown.length === 0) return;
      if (this.nodes.size + unknown.length > MAX_NODES) {
        throw new VarveError("TOO_LARGE", `${this.#options.repository} has more than ${MAX_NODES} manifests`);
      }
      await inBatches(unknown, (digest) => this.digest(digest));
    }
  }

  async #read(name: Pick<Reference, "tag" | "digest">): Promise<Digest | undefined> {
    const { repository, signal } = this.#options;
    const reference = { registry: this.#client.registry, repository, ...name };
    const found = await this.#client.getManifest({ reference, signal }).catch((error: unknown) => {
      if (error instanceof VarveError && error.code === "IMAGE_NOT_FOUND") return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    const { digest, size } = found.document.descriptor;
    if (this.nodes.has(digest)) return digest;
    if (found.kind === "index") {
      const { manifests, subject } = found.document.value as typeof found.document.value & {
        subject?: Descriptor;
      };
      const isManifest = ({ mediaType }: Descriptor) => isManifestType(mediaType) || isIndexType(mediaType);
      this.nodes.set(digest, {
        ...{ digest, size, subject: subject?.digest, created: undefined },
        children: manifests.filter(isManifest).map(({ digest }) => digest),
        blobs: manifests.filter((entry) => !isManifest(entry)),
      });
    } else {
      const { config, layers, subject } = found.document.value;
      const created = await this.#created(config);
      this.nodes.set(digest, {
        ...{ digest, size, subject: subject?.digest, created },
        children: [],
        blobs: [config, ...layers],
      });
    }
    return digest;
  }

  async #created(config: Descriptor): Promise<number | undefined> {
    const { dated, repository, signal } = this.#options;
    if (!dated || !isConfigType(config.mediaType) || config.size > MAX_CONFIG_BYTES) return undefined;
    try {
      const tooLarge = () => new VarveError("TOO_LARGE", "the config is too large");
      const blob = this.#client.getBlob({ repository, descriptor: config, signal });
      const bytes = await collect(blob, MAX_CONFIG_BYTES, tooLarge);
      const value = parseJson(bytes, { what: "the config", maxBytes: MAX_CONFIG_BYTES });
      const time = Date.parse(String((value as { created?: unknown } | null)?.created));
      return time >= FIRST_TIME ? time : undefined;
    } catch (error) {
      if (error instanceof VarveError && error.code !== "ABORTED") return undefined;
      throw error;
    }
  }
}

/** Whether an error is about one manifest, and not about reaching the registry. */
function isAbout({ code }: VarveError): boolean {
  const codes = ["INVALID_MANIFEST", "INVALID_JSON", "INVALID_DIGEST", "DIGEST_MISMATCH", "TOO_LARGE"];
  return codes.includes(code);
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, run));
}
