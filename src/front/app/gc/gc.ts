/** What of registries' repositories, and of layouts, no longer hangs on anything; removed, if that is asked for. */
import { VarveError } from "#errors";
import { layoutGarbage } from "#formats";
import { type Digest, parseReference } from "#oci";
import type { RegistryClient } from "#registry";
import { type Operation, type OperationOptions, operate } from "../machine.ts";
import { decide, type Reason, reached, subjectsToAsk } from "./decide.ts";
import { isThere, type ManifestNode, type Survey, Surveyor, surveyOf } from "./survey.ts";

/** What is looked for, and what becomes of it. */
export interface GcOptions extends OperationOptions {
  /** Removes what is found. */
  readonly delete?: boolean | undefined;
  /** Images of registries that were made so many days ago aren't needed; none is too old unless given. */
  readonly olderThan?: number | undefined;
  /** Tags of images that are kept however old they are. */
  readonly keepTags?: RegExp | undefined;
  /**
   * Results of jobs aren't needed whose layers no image has that is kept: for when no jobs are under way, whose layers hang on nothing else. Those
   * of layers that an image has stay, since they take no room, and spare the next jobs packing them.
   */
  readonly unusedJobs?: boolean | undefined;
  /** Manifests of which nobody knows whether they have a tag, since registries don't list those that have none. */
  readonly untagged?: readonly Digest[] | undefined;
}

/** Something that nothing needs. */
export interface Garbage {
  readonly digest: Digest;
  /** A blob of a layout, or a manifest of either. */
  readonly kind: "manifest" | "blob";
  readonly tags: readonly string[];
  readonly reason: Reason | { readonly kind: "unnamed" };
  /** In bytes: what it has that nothing has that stays, or that was named before it. */
  readonly bytes: number;
}

/** What was found at one place. */
export interface GcReport {
  /** As people call it. */
  readonly place: string;
  readonly garbage: readonly Garbage[];
  /** In bytes: what all of it takes, and what it shares with what stays. */
  readonly freed: number;
  readonly shared: number;
  /** In bytes: what stays. */
  readonly kept: number;
  /** What something that stays names, and isn't there. */
  readonly missing: readonly { readonly digest: Digest; readonly namedBy: string }[];
  /** Images that don't say when they were made, and so are kept. */
  readonly undated: readonly string[];
  /** What couldn't be read, and so is kept. */
  readonly unread: readonly { readonly name: string; readonly why: string }[];
  /** Whether what was found has been removed. */
  readonly removed: boolean;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Looks for what no longer hangs on anything: in a layout blobs that nothing names; in a repository what hangs on images that are gone,
 * parts of shared caches that nothing names or others have replaced, images that are too old, and those of the manifests that were given
 * which nothing names. Registries list tags and nothing else, so what has no tag and wasn't given isn't found.
 * @param place - a repository of a registry, or `oci:FOLDER`
 * @throws VarveError `USAGE` for another place; `REGISTRY_PROTOCOL` where a registry doesn't remove anything; what reading the place throws
 */
export async function collectGarbage(place: string, options: GcOptions = {}): Promise<GcReport> {
  return await operate(options, async (operation) => {
    if (place.startsWith("oci:")) return await inLayout(place, options, operation);
    const other = /^(docker-archive|oci-archive|docker-daemon):/.exec(place)?.[1];
    if (other !== undefined) {
      throw new VarveError(
        "USAGE",
        `${place} can't have garbage; name a repository of a registry, or oci:FOLDER`,
      );
    }
    return await inRepository(place, options, operation);
  });
}

async function inLayout(place: string, options: GcOptions, { signal }: Operation): Promise<GcReport> {
  const path = place.slice("oci:".length);
  const found = await layoutGarbage(path, { remove: options.delete === true, signal });
  return {
    place,
    garbage: found.blobs.map(({ digest, size }) => ({
      ...{ digest, kind: "blob", tags: [], bytes: size },
      reason: { kind: "unnamed" },
    })),
    freed: found.blobs.reduce((sum, { size }) => sum + size, 0),
    shared: 0,
    kept: found.kept,
    missing: found.missing,
    undated: [],
    unread: [],
    removed: options.delete === true,
  };
}

async function inRepository(
  text: string,
  options: GcOptions,
  { machine, signal }: Operation,
): Promise<GcReport> {
  const { olderThan, keepTags, unusedJobs = false } = options;
  const { registry, repository } = parseReference(text.replace(/^docker:\/\//, ""));
  const client = await machine.transports.client(registry);
  const asked = options.untagged ?? [];
  const surveyed = { repository, untagged: asked, dated: olderThan !== undefined, signal };
  const first = await surveyOf(client, surveyed);
  // What can't be read may name any of them.
  const untagged = first.unread.size === 0 ? asked : [];
  const present = new Set<Digest>();
  for (const digest of subjectsToAsk(first)) {
    if (await isThere(client, { repository, digest, signal })) present.add(digest);
  }
  const rules = {
    before: olderThan === undefined ? undefined : machine.now().getTime() - olderThan * DAY,
    keepTag: (tag: string) => keepTags?.test(tag) === true,
    unusedJobs,
    present,
  };
  const decision = decide(first, { ...rules, untagged });
  // What hangs on an image that goes has no tag where the registry lists it by itself.
  const dropped = reached(
    decision.unneeded.map(({ digest }) => digest),
    first.nodes,
  );
  const listed = new Set<Digest>(untagged);
  for (const digest of dropped) {
    if (decision.kept.has(digest)) continue;
    for (const referrer of await client.referrers({ repository, digest, signal }))
      listed.add(referrer.digest);
  }
  const survey =
    listed.size > untagged.length
      ? await withMore(client, first, { ...surveyed, untagged: [...listed] })
      : first;
  const { unneeded, kept, undated } = decide(survey, { ...rules, untagged: [...listed] });
  const report = sized(survey, { unneeded, kept });
  if (options.delete === true) await removeAll(client, { repository, digests: report.digests, signal });
  const { digests: _, ...told } = report;
  return {
    place: `${registry}/${repository}`,
    ...told,
    undated,
    unread: [...survey.unread].map(([name, why]) => ({ name, why })),
    removed: options.delete === true,
  };
}

async function withMore(
  client: RegistryClient,
  first: Survey,
  options: ConstructorParameters<typeof Surveyor>[1],
): Promise<Survey> {
  const more = new Surveyor(client, options);
  for (const [digest, node] of first.nodes) more.nodes.set(digest, node);
  for (const digest of first.missing) more.missing.add(digest);
  for (const digest of options.untagged) await more.digest(digest);
  await more.descend();
  return { ...first, nodes: more.nodes, missing: more.missing };
}

interface Sized extends Pick<GcReport, "garbage" | "freed" | "shared" | "kept" | "missing"> {
  /** The manifests to remove, those first that name others. */
  readonly digests: readonly Digest[];
}

function sized(
  { nodes, tags, missing }: Survey,
  { unneeded, kept }: Pick<ReturnType<typeof decide>, "unneeded" | "kept">,
): Sized {
  const staying = new Map<string, number>();
  const namers = new Map<Digest, string>();
  for (const digest of kept) {
    const node = nodes.get(digest);
    if (node === undefined) continue;
    for (const [name, size] of sizesOf(node)) staying.set(name, size);
    for (const child of node.children) if (missing.has(child)) namers.set(child, nameOf(digest, tags));
  }
  const counted = new Set<string>();
  let shared = 0;
  const garbage: Garbage[] = [];
  const digests: Digest[] = [];
  for (const { digest, tags, reason } of unneeded) {
    let bytes = 0;
    for (const each of reached([digest], nodes)) {
      const node = nodes.get(each);
      if (node === undefined || kept.has(each)) continue;
      if (!digests.includes(each)) digests.push(each);
      for (const [name, size] of sizesOf(node)) {
        if (counted.has(name)) continue;
        counted.add(name);
        if (staying.has(name)) shared += size;
        else bytes += size;
      }
    }
    garbage.push({ digest, kind: "manifest", tags, reason, bytes });
  }
  return {
    garbage,
    freed: garbage.reduce((sum, { bytes }) => sum + bytes, 0),
    shared,
    kept: [...staying.values()].reduce((sum, size) => sum + size, 0),
    missing: [...namers].map(([digest, namedBy]) => ({ digest, namedBy })),
    digests,
  };
}

function sizesOf({ digest, size, blobs }: ManifestNode): [string, number][] {
  return [[digest, size], ...blobs.map((blob): [string, number] => [blob.digest, blob.size])];
}

function nameOf(digest: Digest, tags: ReadonlyMap<string, Digest>): string {
  return [...tags].find(([, named]) => named === digest)?.[0] ?? digest;
}

async function removeAll(
  client: RegistryClient,
  {
    repository,
    digests,
    signal,
  }: { repository: string; digests: readonly Digest[]; signal: AbortSignal | undefined },
): Promise<void> {
  for (const digest of digests) {
    if ((await client.remove({ repository, kind: "manifests", digest, signal })) !== "refused") continue;
    throw new VarveError(
      "REGISTRY_PROTOCOL",
      `${client.registry} doesn't remove anything from ${repository}, or not for this user; remove it as that registry has it done`,
    );
  }
}
