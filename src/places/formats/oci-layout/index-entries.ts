/** The content of a layout's `index.json`. */
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  MediaType,
  type Platform,
  parseReference,
} from "#oci";
import { CONTAINERD_NAME, canonicalName, REF_NAME } from "./names.ts";

export interface EntryNames {
  /** The only name, just as it is. */
  readonly tag?: string | undefined;
  /** Names that the image comes with; they count if there is no tag. */
  readonly names: readonly string[];
}

/** The entries for a document: one for each name, or one without a name. */
export function entriesFor(
  { mediaType, digest, size }: Descriptor,
  { tag, names, platform }: EntryNames & { platform?: Platform | undefined },
): Descriptor[] {
  const entry = { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
  if (tag !== undefined) return [{ ...entry, annotations: { [REF_NAME]: tag } }];
  if (names.length === 0) return [entry];
  return names.map((name) => ({
    ...entry,
    annotations: { [REF_NAME]: tagOf(name), [CONTAINERD_NAME]: canonicalName(name) },
  }));
}

function tagOf(name: string): string {
  try {
    return parseReference(name).tag ?? name;
  } catch {
    return name;
  }
}

/** What an image runs on, for its entry; undefined if its config doesn't say. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform | undefined {
  if (os === "" || architecture === "") return undefined;
  return { os, architecture, ...(variant ? { variant } : {}) };
}

/**
 * Adds entries to an index. A new entry replaces one with the same tag, at the same position if it is the same entry. An entry
 * without a name that is there already isn't added again.
 */
export function withEntries(index: ImageIndex, added: readonly Descriptor[]): ImageIndex {
  const tags = new Set(added.map(tagIn).filter((tag) => tag !== undefined));
  const [first, ...others] = added;
  const manifests: Descriptor[] = [];
  const pending = new Set([first!, ...others]);
  for (const entry of index.manifests) {
    const tag = tagIn(entry);
    if (tag === undefined) {
      for (const one of pending)
        if (tagIn(one) === undefined && one.digest === entry.digest) pending.delete(one);
    } else if (tags.has(tag)) {
      for (const one of pending) {
        if (tagIn(one) !== tag) continue;
        manifests.push(one);
        pending.delete(one);
      }
      continue;
    }
    manifests.push(entry);
  }
  return { ...index, manifests: [...manifests, ...pending] };
}

function tagIn({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME];
}

export function emptyIndex(): ImageIndex {
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] };
}
