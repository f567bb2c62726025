/** Lists of what hangs on images, and manifests that hang on something else than the lists say, or aren't there. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  encodeDocument,
  type ManifestOrIndex,
  MediaType,
  parseManifestOrIndex,
} from "#oci";
import {
  copyReferrers,
  type ReferrerNode,
  type ReferrerSource,
  type ReferrerStore,
  readTree,
  referrersTag,
} from "#referrers";
import { treeLines } from "../../src/front/cli/tree-lines.ts";
import { assertFit } from "../support/hostile-text.ts";
import { oddText } from "./random-json.ts";
import { outcomeOf, type Target } from "./target.ts";

/** One that was made before, by its number; or none. */
const other = fc.option(fc.nat({ max: 9 }), { nil: undefined });

/** A manifest or an index, and what the list of what hangs on it says. */
const made = fc.record({
  isIndex: fc.boolean(),
  isImage: fc.boolean(),
  subject: other,
  artifactType: fc.option(oddText, { nil: undefined }),
  annotations: fc.dictionary(oddText, oddText, { maxKeys: 2 }),
  parts: fc.array(fc.nat({ max: 9 }), { maxLength: 3 }),
  listed: fc.array(fc.nat({ max: 11 }), { maxLength: 4 }),
  tag: fc.option(fc.record({ of: fc.nat({ max: 9 }), end: fc.constantFrom("sig", "att", "sbom") }), {
    nil: undefined,
  }),
});

type Made = ReturnType<(typeof made)["generate"]> extends fc.Value<infer T> ? T : never;

class World implements ReferrerSource {
  readonly name = "world";
  readonly documents: Descriptor[] = [];
  readonly #bytes = new Map<Digest, Uint8Array>();
  readonly #lists = new Map<Digest, readonly Descriptor[]>();
  readonly #tags = new Map<string, Descriptor>();
  asked = 0;

  constructor(all: readonly Made[]) {
    const config = (isImage: boolean) =>
      encodeDocument({}, isImage ? MediaType.ociConfig : "application/vnd.oci.empty.v1+json").descriptor;
    for (const { isIndex, isImage, subject, artifactType, annotations, parts } of all) {
      const at = (index: number) => this.documents[index % Math.max(1, this.documents.length)];
      const about = subject === undefined ? undefined : at(subject);
      const value = {
        ...{ schemaVersion: 2, annotations },
        ...(artifactType !== undefined && { artifactType }),
        ...(about && { subject: about }),
        ...(isIndex
          ? { manifests: parts.flatMap((part) => at(part) ?? []) }
          : { config: config(isImage), layers: [] }),
      };
      const { bytes, descriptor } = encodeDocument(
        value,
        isIndex ? MediaType.ociIndex : MediaType.ociManifest,
      );
      this.documents.push(descriptor);
      this.#bytes.set(descriptor.digest, bytes);
    }
    // The last of them is listed and isn't there.
    this.#bytes.delete(this.documents.at(-1)!.digest);
    for (const [index, { listed, tag }] of all.entries()) {
      const descriptor = this.documents[index]!;
      this.#lists.set(
        descriptor.digest,
        listed.flatMap((each) => this.documents[each] ?? []),
      );
      const tagged = tag && this.documents[tag.of];
      if (tagged) this.#tags.set(`${referrersTag(tagged.digest)}.${tag.end}`, descriptor);
    }
  }

  async subject(): Promise<Descriptor> {
    return this.documents[0]!;
  }

  async referrers(digest: Digest): Promise<readonly Descriptor[]> {
    this.asked++;
    return this.#lists.get(digest) ?? [];
  }

  async document({ digest, mediaType }: Descriptor): Promise<ManifestOrIndex> {
    const bytes = this.#bytes.get(digest);
    if (bytes === undefined) throw new VarveError("IMAGE_NOT_FOUND", "it isn't there");
    return parseManifestOrIndex(bytes, { what: "it", mediaType });
  }

  async tagged(tag: string): Promise<ManifestOrIndex | undefined> {
    const found = this.#tags.get(tag);
    return found && this.#bytes.has(found.digest) ? await this.document(found) : undefined;
  }

  async *blob(): AsyncGenerator<Uint8Array, void, void> {
    yield Buffer.from("{}");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function check(all: readonly Made[]): Promise<void> {
  const world = new World(all);
  const tree = await outcomeOf(() => readTree(world, world.documents[0]!, undefined));
  if ("refused" in tree) return;
  // Each is looked into once.
  assert.ok(world.asked <= all.length);
  assertFit(treeLines(tree.value).join("\n"));
  const hangs = new Map<Digest, Digest>();
  const visit = async ({ descriptor, children }: ReferrerNode): Promise<void> => {
    for (const child of children) {
      if (child.relation === "referrer" && child.fault === undefined) {
        const { document } = await world.document(child.descriptor);
        assert.equal(document.value.subject?.digest, descriptor.digest);
        hangs.set(child.descriptor.digest, descriptor.digest);
      }
      await visit(child);
    }
  };
  await visit(tree.value);
  const to: ReferrerStore = {
    ...world,
    subject: () => world.subject(),
    referrers: () => world.referrers("" as Digest),
    document: (descriptor) => world.document(descriptor),
    tagged: (tag) => world.tagged(tag),
    blob: () => world.blob(),
    [Symbol.asyncDispose]: async () => {},
    blobs: { has: async () => true, put: async () => assert.fail("they are there") },
    put: async () => {},
    async putReferrers(subject, documents) {
      for (const { value, descriptor } of documents) {
        assert.equal(value.subject?.digest, subject);
        assert.equal(hangs.get(descriptor.digest), subject);
      }
    },
  };
  await outcomeOf(() => copyReferrers(tree.value, { from: world, to }, { signal: undefined }));
}

export const referrers: Target = {
  name: "referrers",
  runs: 500,
  property: () => fc.asyncProperty(fc.array(made, { minLength: 2, maxLength: 10 }), check),
};
