/** Which image of a layout is meant: OCI image specification, image-layout.md, "index.json file", and image-index.md. */
import { VarveError } from "#errors";
import type { ReadOptions } from "#image";
import {
  choosePlatform,
  type Descriptor,
  type ImageIndex,
  isAttestation,
  isDigest,
  isImageManifest,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  notAnImage,
  parseIndex,
} from "#oci";
import { isReferrersTag } from "#referrers";
import { type LayoutFiles, readBlob, readDocument } from "./blobs.ts";
import { canonicalName, imageNameOf, namesOf, REF_NAME } from "./names.ts";

/** How deeply indexes may be nested; nobody goes deeper. */
const MAX_INDEX_DEPTH = 4;
/** No image is built for more platforms than this. */
const MAX_INDEXES = 1000;
/** How many names an error lists. */
const SHOWN_NAMES = 30;

export interface Selection extends ReadOptions {
  /** A tag or name as the index has it, a name with Docker's defaults, a digest, or `@` and an index counted from 0. */
  readonly select?: string | undefined;
}

/** The manifest that was chosen. */
export interface Chosen {
  readonly entry: Descriptor;
  /** What the index calls it. */
  readonly names: readonly string[];
  /** Whether it was chosen for its platform. */
  readonly byPlatform: boolean;
  /** The index it was chosen from, if that isn't the layout's own. */
  readonly index?: Descriptor;
}

/**
 * Chooses a manifest from a layout's index.
 * @throws VarveError `IMAGE_NOT_FOUND`, listing what there is; `NOT_AN_IMAGE`; what reading nested indexes throws
 */
export async function chooseManifest(
  files: LayoutFiles,
  index: ImageIndex,
  options: Selection,
): Promise<Chosen> {
  const { platform } = options;
  const selected = await chooseEntries(files, index, options.select);
  const digests = new Set(selected.map((entry) => entry.digest));
  const names = [...new Set(selected.map(imageNameOf).filter((name) => name !== undefined))];
  const [first] = selected;
  if (digests.size === 1 && !isIndexType(first!.mediaType))
    return { entry: first!, names, byPlatform: false };
  const manifests = await listManifests(files, selected);
  const entry = choosePlatform(manifests, { platform, what: files.path });
  return { entry, names, byPlatform: true, ...(digests.size === 1 ? { index: first! } : {}) };
}

/**
 * The entries that are meant: one image or index, under all its names, or one image's entries for several platforms.
 * @throws VarveError `IMAGE_NOT_FOUND`, `NOT_AN_IMAGE`; what reading manifests throws
 */
export async function chooseEntries(
  files: LayoutFiles,
  index: ImageIndex,
  select: string | undefined,
): Promise<readonly Descriptor[]> {
  const entries = index.manifests.filter(isImage);
  if (entries.length === 0) throw noImage(files, index);
  if (select !== undefined) return await selectEntries(files, { index, entries, select });
  const images = await withoutReferrers(files, entries);
  if (new Set(images.map(({ digest }) => digest)).size > 1 && new Set(images.map(nameKey)).size > 1) {
    throw new VarveError(
      "IMAGE_NOT_FOUND",
      `${files.path} holds several images; say which one is meant: ${listNames(images)}`,
    );
  }
  return images;
}

/**
 * The entries without those that hang on others and don't say so themselves: tools list each manifest of a layout. What has a
 * name or a platform is an image.
 */
async function withoutReferrers(
  files: LayoutFiles,
  entries: readonly Descriptor[],
): Promise<readonly Descriptor[]> {
  if (new Set(entries.map(({ digest }) => digest)).size === 1) return entries;
  const images: Descriptor[] = [];
  for (const entry of entries) {
    const isNamed = namesOf(entry).length > 0 || entry.platform !== undefined;
    if (isNamed || !(await isReferrer(files, entry))) images.push(entry);
  }
  return images.length === 0 ? entries : images;
}

async function isReferrer(files: LayoutFiles, entry: Descriptor): Promise<boolean> {
  const { kind, document } = await readDocument(files, entry);
  return document.value.subject !== undefined || (kind === "manifest" && !isImageManifest(document.value));
}

function noImage({ path }: LayoutFiles, { manifests }: ImageIndex): VarveError {
  const type = manifests.find(({ artifactType }) => artifactType !== undefined)?.artifactType;
  if (type !== undefined) return notAnImage(type, `what ${path} holds`);
  return new VarveError("IMAGE_NOT_FOUND", `${path} holds no image`);
}

interface Candidates {
  readonly index: ImageIndex;
  readonly entries: readonly Descriptor[];
  readonly select: string;
}

async function selectEntries(
  files: LayoutFiles,
  { index, entries, select }: Candidates,
): Promise<readonly Descriptor[]> {
  const position = /^@([0-9]{1,6})$/.exec(select);
  if (position !== null) {
    const entry = index.manifests[Number(position[1])];
    if (entry !== undefined && isImage(entry)) return [entry];
  }
  if (isDigest(select)) {
    const own = entries.filter((entry) => entry.digest === select);
    if (own.length > 0) return own;
    const nested = (await listManifests(files, entries)).filter((entry) => entry.digest === select);
    if (nested.length > 0) return nested.slice(0, 1);
  }
  const exact = entries.filter((entry) => namesOf(entry).includes(select));
  if (exact.length > 0) return exact;
  const wanted = canonicalName(select);
  const equal = entries.filter((entry) => namesOf(entry).some((name) => canonicalName(name) === wanted));
  if (equal.length > 0) return equal;
  throw new VarveError(
    "IMAGE_NOT_FOUND",
    `${files.path} has no image ${select}; it has ${listNames(entries)}`,
  );
}

function nameKey(entry: Descriptor): string {
  return JSON.stringify(namesOf(entry));
}

function listNames(entries: readonly Descriptor[]): string {
  const names = [...new Set(entries.map((entry) => namesOf(entry)[0] ?? entry.digest))];
  const shown = names.slice(0, SHOWN_NAMES).map((name) => name.slice(0, 200));
  return shown.join(", ") + (names.length > SHOWN_NAMES ? ", …" : "");
}

/** Whether an entry leads to images: not to an attestation, a signature or another artifact, nor to a list of those. */
function isImage(entry: Descriptor): boolean {
  const { mediaType, artifactType } = entry;
  if (isReferrersTag(entry.annotations?.[REF_NAME] ?? "")) return false;
  if (isIndexType(mediaType)) return true;
  return isManifestType(mediaType) && artifactType === undefined && !isAttestation(entry);
}

/**
 * All image manifests that entries lead to, in their order, each once.
 * @param isThere is used to skip nested entries that may be missing
 * @throws VarveError `INVALID_MANIFEST` for indexes that are nested too deeply; what reading them throws
 */
export async function listManifests(
  files: LayoutFiles,
  entries: readonly Descriptor[],
  isThere: (entry: Descriptor) => boolean = () => true,
): Promise<readonly Descriptor[]> {
  const manifests = new Map<string, Descriptor>();
  const indexes = new Set<string>();
  const visit = async (list: readonly Descriptor[], depth: number): Promise<void> => {
    for (const entry of list.filter(isImage)) {
      if (!isIndexType(entry.mediaType)) {
        if (!manifests.has(entry.digest)) manifests.set(entry.digest, entry);
        continue;
      }
      if (indexes.has(entry.digest)) continue;
      indexes.add(entry.digest);
      if (depth >= MAX_INDEX_DEPTH || indexes.size > MAX_INDEXES) {
        throw new VarveError(
          "INVALID_MANIFEST",
          `${files.path} has indexes in indexes, more than ${MAX_INDEX_DEPTH} deep or ${MAX_INDEXES} in all`,
        );
      }
      const what = `the index ${entry.digest} of ${files.path}`;
      const bytes = await readBlob(files, entry, MAX_MANIFEST_BYTES);
      const { value } = parseIndex(bytes, { what, mediaType: entry.mediaType });
      await visit(value.manifests.filter(isThere), depth + 1);
    }
  };
  await visit(entries, 0);
  return [...manifests.values()];
}
