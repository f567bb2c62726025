/** What of a repository nothing needs any more; pure. */
import type { Digest } from "#oci";
import { type ManifestNode, roleOf, type Survey } from "./survey.ts";

/** Why something isn't needed: for people, and as a word for programs. */
export interface Reason {
  readonly kind: "old" | "subject-gone" | "cache-gone" | "replaced" | "untagged" | "unused-job";
  /** What is gone, or what has replaced it: a digest, or a tag. */
  readonly of?: string;
}

/** Something that isn't needed. */
export interface Unneeded {
  readonly digest: Digest;
  /** All tags that it has. */
  readonly tags: readonly string[];
  readonly reason: Reason;
}

export interface DecideOptions {
  /** Images that were made before this time aren't needed, in milliseconds since 1970; none is too old unless given. */
  readonly before?: number | undefined;
  /** Whether an image's tag is kept however old it is. */
  readonly keepTag: (tag: string) => boolean;
  /** Whether no jobs are under way, so that results aren't needed whose layers no image has that is needed. */
  readonly unusedJobs: boolean;
  /** Manifests that nobody needs if nothing names them. */
  readonly untagged: readonly Digest[];
  /** Manifests that aren't in the survey, and are there. */
  readonly present: ReadonlySet<Digest>;
}

/** What is needed, and what isn't. */
export interface Decision {
  readonly unneeded: readonly Unneeded[];
  /** What can be reached from what is needed. */
  readonly kept: ReadonlySet<Digest>;
  /** Images that would have to say when they were made, and don't. */
  readonly undated: readonly string[];
}

/** Manifests that tags of referrers say they hang on, and that the survey doesn't have. */
export function subjectsToAsk({ tags, nodes }: Survey): Digest[] {
  const subjects = new Set<Digest>();
  for (const tag of tags.keys()) {
    const role = roleOf(tag);
    if (role.kind === "referrers" && !nodes.has(role.subject)) subjects.add(role.subject);
  }
  for (const { subject } of nodes.values())
    if (subject !== undefined && !nodes.has(subject)) subjects.add(subject);
  return [...subjects];
}

/** Decides what nothing needs. */
export function decide(survey: Survey, options: DecideOptions): Decision {
  const { tags, nodes, replaced } = survey;
  const { before, keepTag, unusedJobs, untagged, present } = options;
  const reasons = new Map<Digest, Reason>();
  const needed = new Set<Digest>();
  const undated: string[] = [];
  const hanging: { digest: Digest; subject: Digest }[] = [];
  const jobs: Digest[] = [];
  for (const [tag, digest] of tags) {
    const role = roleOf(tag);
    if (role.kind === "referrers") hanging.push({ digest, subject: role.subject });
    else if (role.kind === "job") jobs.push(digest);
    else if (role.kind === "segment") {
      // A tag that can't be read is one that is there.
      const isGone = !tags.has(role.cache) && !survey.unread.has(role.cache);
      if (isGone) reasons.set(digest, { kind: "cache-gone", of: role.cache });
      else if (replaced.has(tag)) reasons.set(digest, { kind: "replaced" });
      else needed.add(digest);
    } else {
      const created = createdOf(digest, nodes);
      if (before !== undefined && created === undefined && !keepTag(tag)) undated.push(tag);
      const isOld = before !== undefined && created !== undefined && created < before && !keepTag(tag);
      if (isOld) reasons.set(digest, { kind: "old", of: new Date(created).toISOString() });
      else needed.add(digest);
    }
  }
  // What has a second tag that is needed goes with none.
  const kept = reached(needed, nodes);
  const layers = new Set(
    [...kept].flatMap((each) => nodes.get(each)?.blobs ?? []).map(({ digest }) => digest),
  );
  for (const digest of jobs) {
    const isUsed = nodes.get(digest)?.blobs.some((blob) => layers.has(blob.digest)) !== false;
    if (isUsed || !unusedJobs) kept.add(digest);
    else if (!kept.has(digest)) reasons.set(digest, { kind: "unused-job" });
  }
  const dropped = reached(reasons.keys(), nodes);
  const candidates = new Set(untagged);
  const isOut = (subject: Digest) => dropped.has(subject) || candidates.has(subject);
  const lives = (subject: Digest) =>
    kept.has(subject) || ((present.has(subject) || nodes.has(subject)) && !isOut(subject));
  for (const { digest, subject } of hanging) {
    if (lives(subject)) for (const each of reached([digest], nodes)) kept.add(each);
    else reasons.set(digest, { kind: "subject-gone", of: subject });
  }
  for (const digest of untagged) {
    const node = nodes.get(digest);
    if (node === undefined || kept.has(digest)) continue;
    if (node.subject !== undefined && lives(node.subject)) {
      for (const each of reached([digest], nodes)) kept.add(each);
    } else if (!reasons.has(digest)) reasons.set(digest, { kind: "untagged" });
  }
  const namesOf = Map.groupBy(tags.keys(), (tag) => tags.get(tag)!);
  const unneeded = [...reasons]
    .filter(([digest]) => !kept.has(digest))
    .map(([digest, reason]) => ({ digest, tags: [...(namesOf.get(digest) ?? [])].sort(), reason }));
  return { unneeded, kept, undated };
}

/** When an image was made; of an index, the last of its images. */
function createdOf(digest: Digest, nodes: ReadonlyMap<Digest, ManifestNode>): number | undefined {
  const times = [...reached([digest], nodes)].flatMap((each) => nodes.get(each)?.created ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Manifests that can be reached from some, these among them. */
export function reached(from: Iterable<Digest>, nodes: ReadonlyMap<Digest, ManifestNode>): Set<Digest> {
  const found = new Set<Digest>();
  const waiting = [...from];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...(nodes.get(next)?.children ?? []));
  }
  return found;
}
