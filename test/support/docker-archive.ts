/** Docker-archives for tests: right ones, and ones that are broken in one way. */

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { EntryType, type TarEntry, type TarInputMember, writeTar } from "#tar";

/** A file with its content, or a link. */
export type Member =
  | { readonly file: string | Uint8Array }
  | { readonly symlink: string }
  | { readonly hardLink: string };

export const digest = (bytes: string | Uint8Array, algorithm: "sha256" | "sha512" = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

/** A tar archive with these members, in their order. */
export async function tarOf(members: Readonly<Record<string, Member>>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of writeTar(
    Object.entries(members).map(([name, member]) => inputMember(name, member)),
  )) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function inputMember(name: string, member: Member): TarInputMember {
  const entry: TarEntry = { name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };
  if ("symlink" in member) return { entry: { ...entry, type: EntryType.symlink, linkname: member.symlink } };
  if ("hardLink" in member)
    return { entry: { ...entry, type: EntryType.hardLink, linkname: member.hardLink } };
  const content = Buffer.from(member.file);
  return { entry: { ...entry, size: content.length }, content: [content] };
}

/** A layer with one file. */
export const layerOf = (name: string, content: string) => tarOf({ [name]: { file: content } });

export interface ArchiveChanges {
  /** The layers by their names in the archive; two of them unless said. */
  readonly layers?: Readonly<Record<string, Member>>;
  /** The names that `manifest.json` lists; all layers unless said. */
  readonly listed?: readonly string[];
  readonly diffIds?: readonly string[];
  /** Fields of the config. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The content of `manifest.json`, in place of a right one. */
  readonly manifest?: string;
  readonly names?: readonly string[] | null;
  /** Members that are left out. */
  readonly without?: readonly string[];
  /** Members that are added, or come in place of others. */
  readonly extra?: Readonly<Record<string, Member>>;
}

/** An image's archive, as `docker save` wrote it before version 25. */
export async function dockerArchiveOf(changes: ArchiveChanges = {}): Promise<Buffer> {
  const layers: Readonly<Record<string, Member>> = changes.layers ?? {
    "one/layer.tar": { file: await layerOf("a", "first") },
    "two/layer.tar": { file: await layerOf("b", "second") },
  };
  const listed = changes.listed ?? Object.keys(layers);
  const contentOf = (name: string): string | Uint8Array => {
    const member = layers[name];
    return member !== undefined && "file" in member ? member.file : "";
  };
  const diffIds = changes.diffIds ?? listed.map((name) => digest(contentOf(name)));
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/base"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    ...changes.config,
  });
  const entry = {
    Config: "config.json",
    RepoTags: changes.names === undefined ? ["base:1"] : changes.names,
    Layers: listed,
  };
  const members: Record<string, Member> = {
    ...layers,
    "config.json": { file: config },
    "manifest.json": { file: changes.manifest ?? JSON.stringify([entry]) },
    ...changes.extra,
  };
  for (const name of changes.without ?? []) delete members[name];
  return tarOf(members);
}

/** An archive that is no base image, and what is said of it after its name. */
export interface BrokenArchive {
  /** Absent for a path at which there is nothing. */
  readonly bytes?: Buffer;
  readonly code: string;
  readonly wording: RegExp;
  /** Whether it is noticed only when its layers are read. */
  readonly late?: true;
}

/** Everything that may be wrong with a base image's archive, by what it is. */
export async function brokenArchives(): Promise<Map<string, BrokenArchive>> {
  const whole = await dockerArchiveOf();
  const layer = { file: await layerOf("a", "first") };
  const flipped = Buffer.from(whole);
  flipped[600] = flipped[600]! ^ 1;
  const invalid = (bytes: Buffer, wording: RegExp): BrokenArchive => ({
    bytes,
    code: "INVALID_IMAGE",
    wording,
  });
  return new Map<string, BrokenArchive>([
    ["a file that isn't there", { code: "NOT_FOUND", wording: /does not exist/ }],
    ["an empty file", { bytes: Buffer.alloc(0), code: "INVALID_TAR", wording: /is empty/ }],
    [
      "a text",
      { bytes: Buffer.from("{ config }\n".repeat(100)), code: "INVALID_TAR", wording: /not a tar archive/ },
    ],
    [
      "a script",
      { bytes: Buffer.from("#!/bin/sh\n".repeat(100)), code: "INVALID_IMAGE", wording: /is a program/ },
    ],
    [
      "an archive cut in a header",
      { bytes: whole.subarray(0, 100), code: "INVALID_TAR", wording: /cut short/ },
    ],
    [
      "an archive cut in a layer",
      { bytes: whole.subarray(0, 1024), code: "INVALID_TAR", wording: /cut short/ },
    ],
    [
      "an archive without its end",
      { bytes: whole.subarray(0, -10240), code: "INVALID_TAR", wording: /cut short/ },
    ],
    [
      "an archive without manifest.json",
      invalid(await dockerArchiveOf({ without: ["manifest.json"] }), /manifest\.json/),
    ],
    [
      "an archive without its config",
      invalid(await dockerArchiveOf({ without: ["config.json"] }), /config\.json/),
    ],
    ["an archive of no image", invalid(await dockerArchiveOf({ manifest: "[]" }), /no image/)],
    [
      "an archive whose manifest lacks a field",
      invalid(await dockerArchiveOf({ manifest: '[{"Config": "config.json"}]' }), /Layers/),
    ],
    [
      "an archive whose manifest is no JSON",
      { bytes: await dockerArchiveOf({ manifest: "[{" }), code: "INVALID_JSON", wording: /not valid JSON/ },
    ],
    [
      "an archive with fewer diff IDs than layers",
      invalid(await dockerArchiveOf({ diffIds: [digest("x")] }), /2 layers, but its config .* 1 diff IDs/),
    ],
    [
      "an archive with a diff ID that is none",
      {
        bytes: await dockerArchiveOf({ diffIds: ["sha256:../../x", digest("x")] }),
        code: "INVALID_DIGEST",
        wording: /sha256:/,
      },
    ],
    [
      "an archive whose config has an Env that is no list",
      {
        bytes: await dockerArchiveOf({ config: { config: { Env: "A=1" } } }),
        code: "INVALID_MANIFEST",
        wording: /Env/,
      },
    ],
    [
      "an archive that lacks a layer",
      invalid(await dockerArchiveOf({ without: ["two/layer.tar"] }), /two\/layer\.tar/),
    ],
    [
      "an archive whose layer is a link to nothing",
      invalid(
        await dockerArchiveOf({ layers: { "one/layer.tar": { symlink: "../gone/layer.tar" } } }),
        /one\/layer\.tar/,
      ),
    ],
    [
      "an archive whose layer is a link out of it",
      invalid(
        await dockerArchiveOf({ layers: { "one/layer.tar": { symlink: "../../../../etc/passwd" } } }),
        /one\/layer\.tar/,
      ),
    ],
    [
      "an archive whose layers are links in a circle",
      invalid(
        await dockerArchiveOf({
          layers: {
            "one/layer.tar": { symlink: "../two/layer.tar" },
            "two/layer.tar": { hardLink: "one/layer.tar" },
          },
        }),
        /circle/,
      ),
    ],
    [
      "an archive whose layer is a link to itself",
      invalid(await dockerArchiveOf({ layers: { "one/layer.tar": { symlink: "layer.tar" } } }), /circle/),
    ],
    [
      "an archive with another layer than its diff ID says",
      {
        bytes: await dockerArchiveOf({ layers: { "one/layer.tar": layer }, diffIds: [digest("x")] }),
        code: "DIGEST_MISMATCH",
        wording: /one\/layer\.tar/,
        late: true,
      },
    ],
    [
      "an archive with a layer in which a bit fell over",
      { bytes: flipped, code: "DIGEST_MISMATCH", wording: /one\/layer\.tar/, late: true },
    ],
    [
      "an archive compressed with xz",
      { bytes: Buffer.from("\xfd7zXZ\0", "latin1"), code: "UNSUPPORTED_COMPRESSION", wording: /xz/ },
    ],
    [
      "an archive compressed with bzip2",
      { bytes: Buffer.from("BZh91AY&SY"), code: "UNSUPPORTED_COMPRESSION", wording: /bzip2/ },
    ],
    [
      "a gzip stream that is cut short",
      {
        bytes: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b]),
        code: "INVALID_IMAGE",
        wording: /gzip/,
      },
    ],
  ]);
}

/** Writes the archive, if it has any bytes, and returns its path. */
export function writeBroken(folder: string, { bytes }: BrokenArchive): string {
  const path = `${folder}/base.tar`;
  if (bytes !== undefined) writeFileSync(path, bytes);
  return path;
}
