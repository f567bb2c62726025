/** Reads what is needed to compare images: the entries of a layer, grouped by the components that they belong to. */
import { createHash, hash } from "node:crypto";
import { decompress } from "#compress";
import { VarveError } from "#errors";
import { EntriesKept } from "#flatten";
import type { Image } from "#image";
import { layerCompression } from "#oci";
import { EntryType, hasContent, readLayerTar, streamInput, type TarEntry } from "#tar";
import { type Attribution, attribution, type Identity, withoutSlashes } from "./identity.ts";

/** An entry's attributes, without its content. Equal ones share one object, since a layer has few different ones. */
export interface Traits {
  readonly mode: number;
  /** Both as numbers, and both as names. */
  readonly ids: string;
  readonly names: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** All pax records that no other field represents. */
  readonly attributes: string;
}

/** What is compared of an entry. */
export interface EntryFacts {
  readonly type: string;
  /** Distinguishes contents; for a device, its numbers. */
  readonly content: string;
  /** Where a link leads; empty for anything else. */
  readonly link: string;
  readonly traits: Traits;
}

/** A component in a layer; without an identity, everything that belongs to no component. */
export interface Group {
  readonly identity?: Identity;
  /** By path, relative to the component's root (which is the empty string), in the archive's order. */
  readonly entries: Map<string, EntryFacts>;
  /** Bytes of its files' contents. */
  size: number;
  /** As its name or its package.json has it. */
  version?: string | undefined;
}

/** What is in a layer. */
export interface LayerFacts {
  readonly index: number;
  /** By the components' roots, in the archive's order. */
  readonly components: ReadonlyMap<string, Group>;
  readonly loose: Group;
}

/** Contents up to this size are read at once, in bytes. */
const PIECE = 1024 * 1024;

/** Long enough that two contents aren't taken for the same by chance. */
const DIGEST_BYTES = 16;

/** No real package.json is larger. */
const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_VERSION_LENGTH = 100;

/**
 * Reads a whole layer. A few hundred bytes are kept for each entry.
 * @throws VarveError `INVALID_TAR`, `INVALID_IMAGE`, `DIGEST_MISMATCH`, `TOO_LARGE`, …; `INVALID_MANIFEST` for what is no layer
 */
export async function readLayerFacts(
  image: Image,
  index: number,
  signal: AbortSignal | undefined,
): Promise<LayerFacts> {
  const layer = image.layers[index]!;
  const { mediaType, digest } = layer.descriptor;
  const what = `layer ${index + 1} (${digest})`;
  const algorithm = layerCompression(mediaType);
  if (algorithm === undefined) {
    throw new VarveError("INVALID_MANIFEST", `${what} has the media type ${mediaType}, which is no layer's`);
  }
  const input = streamInput(decompress(layer.open(signal), { algorithm, what }));
  const collector = new Collector(index, attribution(image, layer.components));
  const kept = new EntriesKept();
  for await (const { entry, read } of readLayerTar(input, what)) {
    kept.add(entry, { what });
    const group = collector.add(entry);
    if (!hasContent(entry.type)) continue;
    const bytes = entry.size <= PIECE ? await read(entry.size) : undefined;
    const content = bytes === undefined ? await digestLarge(read, entry.size) : shortDigest(bytes);
    collector.setContent(content, entry.size);
    if (bytes !== undefined && collector.isManifest && entry.size <= MAX_MANIFEST_BYTES) {
      group.version = versionIn(bytes) ?? group.version;
    }
  }
  // The layer's bytes are checked only when all of them have passed.
  await input.drain();
  return collector;
}

/** Sorts entries into the components that they belong to. */
class Collector implements LayerFacts {
  readonly index: number;
  readonly components = new Map<string, Group>();
  readonly loose: Group = { entries: new Map(), size: 0 };
  readonly #find: Attribution;
  readonly #traits = new Map<string, Traits>();
  #group = this.loose;
  #name = "";

  constructor(index: number, find: Attribution) {
    this.index = index;
    this.#find = find;
  }

  /** Takes an entry, whose content follows if it has some. */
  add(entry: TarEntry): Group {
    const path = absolute(entry.name);
    const identity = this.#find(path);
    this.#group = identity === undefined ? this.loose : this.#groupOf(identity);
    this.#name = identity === undefined ? path : path.slice(identity.root.length + 1);
    const { type, devmajor = 0, devminor = 0, linkname = "" } = entry;
    const isLink = type === EntryType.symlink || type === EntryType.hardLink;
    const isDevice = type === EntryType.characterDevice || type === EntryType.blockDevice;
    this.#group.entries.set(this.#name, {
      type: type === "\0" || type === EntryType.contiguous ? EntryType.file : type,
      content: isDevice ? `${devmajor}:${devminor}` : "",
      link: isLink ? linkname : "",
      traits: this.#traitsOf(entry),
    });
    return this.#group;
  }

  /** Sets the content of the last entry. */
  setContent(content: string, size: number): void {
    const { entries } = this.#group;
    entries.set(this.#name, { ...entries.get(this.#name)!, content });
    this.#group.size += size;
  }

  /** Whether the last entry says which version an npm package has. */
  get isManifest(): boolean {
    return this.#group.identity?.kind === "npm" && this.#name === "package.json";
  }

  #groupOf(identity: Identity): Group {
    let group = this.components.get(identity.root);
    if (group === undefined) {
      group = { identity, entries: new Map(), size: 0, version: identity.version };
      this.components.set(identity.root, group);
    }
    return group;
  }

  #traitsOf({ mode, uid, gid, uname = "", gname = "", mtime, pax }: TarEntry): Traits {
    const traits: Traits = {
      mode,
      ids: `${uid}:${gid}`,
      names: `${uname}:${gname}`,
      mtime,
      attributes: pax === undefined ? "" : otherRecords(pax),
    };
    const key = JSON.stringify(traits);
    const known = this.#traits.get(key);
    if (known === undefined) this.#traits.set(key, traits);
    return known ?? traits;
  }
}

/** Pax records that only say what an entry's fields say. */
const FIELDS = new Set(["path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "hdrcharset"]);

function otherRecords(pax: ReadonlyMap<string, string>): string {
  const others = [...pax].filter(([key]) => !FIELDS.has(key));
  return others.length === 0 ? "" : JSON.stringify(others.sort());
}

/** A name as a path of the image; archives write it as `a`, `./a` or `/a`. */
function absolute(name: string): string {
  return `/${withoutSlashes(name.replace(/^(?:\.?\/)+/, "").replace(/^\.$/, ""))}`;
}

function shortDigest(bytes: Uint8Array): string {
  return hash("sha256", bytes, "buffer").toString("latin1", 0, DIGEST_BYTES);
}

async function digestLarge(read: (length: number) => Promise<Uint8Array>, size: number): Promise<string> {
  const digester = createHash("sha256");
  for (let left = size; left > 0; ) {
    const piece = await read(Math.min(left, PIECE));
    digester.update(piece);
    left -= piece.length;
  }
  return digester.digest().toString("latin1", 0, DIGEST_BYTES);
}

/** The version that a package.json says, if it is one. */
function versionIn(bytes: Uint8Array): string | undefined {
  try {
    const { version } = JSON.parse(Buffer.from(bytes).toString()) as { version?: unknown };
    return typeof version === "string" && version.length <= MAX_VERSION_LENGTH ? version : undefined;
  } catch {
    return undefined;
  }
}
