/** Text that would fool a terminal, and things that are full of it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { dockerArchiveSink, fileOutput, ociLayoutSink } from "#formats";
import { draftOf, type Image, newManifest } from "#image";
import { encodeDocument, MediaType } from "#oci";
import type { FakeRegistry } from "#testing";
import { madeImage } from "#testing";
import { writeImage } from "#write";
import { writeTree } from "./tree.ts";

/** What a line begins with that only foreign text can have made. */
export const FORGED = "forged";

/**
 * A colour, a bell, a title for the window (C0, and C1 as one character), marks of every kind that turn text, separators, and the
 * end of a line, behind which another begins.
 */
export const HOSTILE = `\x1b[31m\x07\u009d0;x\u009c\x7f\u202e\u2066\u200f\u061c\u2028\u2029\ufeff\r\n${FORGED}`;

/** What may not reach a terminal; of layout there is only the line's end. */
const UNFIT =
  /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]|[\ud800-\udfff]/u;

/** Checks what a command, a page or a log shows. */
export function assertFit(text: string): void {
  const found = UNFIT.exec(text);
  const near =
    found === null ? "" : JSON.stringify(text.slice(Math.max(0, found.index - 60), found.index + 20));
  assert.equal(found, null, `unfit to be shown: ${near}`);
  assert.doesNotMatch(text, new RegExp(`^\\W*${FORGED}`, "m"), "a line of foreign text");
}

/** All strings of a JSON value, keys as well. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => [key, ...stringsIn(part)]);
}

/** An image whose every text is hostile, as far as it is an image then. */
export async function hostileImage(content = "x"): Promise<Image> {
  const entries = { [`bin/${HOSTILE}`]: content, [`link${HOSTILE}`]: { link: HOSTILE } };
  const options = {
    config: { Env: [`A=${HOSTILE}`], Labels: { [HOSTILE]: HOSTILE }, Cmd: [HOSTILE], User: content },
    created: HOSTILE,
    annotations: { [HOSTILE]: HOSTILE },
  };
  const made = await madeImage([{ components: [`/nix/store/${HOSTILE}`], entries }], options);
  const value = { ...made.config.value, architecture: `amd64${HOSTILE}`, author: HOSTILE };
  const config = encodeDocument(value, MediaType.ociConfig);
  const descriptors = made.layers.map(({ descriptor }) => descriptor);
  const { annotations } = options;
  const manifest = newManifest({ config: config.descriptor, layers: descriptors, annotations });
  return { ...made, config, manifest };
}

/** Writes the image into an OCI layout, under a tag. */
export async function writeLayout(image: Image, path: string): Promise<void> {
  await writeImage(draftOf(image), [ociLayoutSink({ path, tag: "1" })]);
}

/** Writes the image into an archive as `docker save` does. */
export async function writeArchive(image: Image, path: string): Promise<void> {
  await writeImage(draftOf(image), [dockerArchiveSink({ output: fileOutput(path), names: ["app:1"] })]);
}

/** Puts the image into a registry's repository, under the tag 1. */
export async function publish(image: Image, registry: FakeRegistry, repository: string): Promise<void> {
  for (const layer of image.layers) registry.addBlob(repository, await buffer(layer.open()));
  registry.addBlob(repository, image.config.bytes);
  const { bytes, descriptor } = image.manifest!;
  for (const name of ["1", descriptor.digest]) {
    const mediaType = descriptor.mediaType;
    registry.manifests.set(`${repository}:${name}`, { bytes: Buffer.from(bytes), mediaType });
  }
}

/** Puts into a folder a graph of store paths, an npm project and specs of them whose names, and whose files' names, are hostile. */
export function writeHostileSources(folder: string): void {
  const tree = (content: string) => ({
    dir: { [`file${HOSTILE}`]: { file: content }, [`link${HOSTILE}`]: { link: HOSTILE } },
  });
  mkdirSync(`${folder}/store`);
  const paths = ["a-1", "b-2"].map((name) => `${folder}/store/${name}${HOSTILE}`);
  for (const [index, path] of paths.entries()) writeTree(path, tree(`${index}`));
  const json = (name: string, value: unknown) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));
  json("graph.json", [
    { path: paths[0], references: [paths[1]], narSize: 1000 },
    { path: paths[1], references: [], narSize: 1000 },
  ]);
  const packages = { [`node_modules/dep${HOSTILE}`]: { version: `1.0.0-${HOSTILE}` } };
  const own = { name: `project${HOSTILE}`, version: "1.0.0" };
  writeTree(`${folder}/project`, {
    dir: {
      node_modules: {
        dir: {
          ".package-lock.json": { file: JSON.stringify({ lockfileVersion: 3, packages }) },
          [`dep${HOSTILE}`]: tree("dep"),
        },
      },
      "package.json": { file: JSON.stringify(own) },
      "package-lock.json": {
        file: JSON.stringify({ lockfileVersion: 3, packages: { "": own, ...packages } }),
      },
    },
  });
  const fields = {
    name: "app",
    tag: "1",
    labels: { [HOSTILE]: HOSTILE },
    annotations: { [HOSTILE]: HOSTILE },
    config: { Env: [`A=${HOSTILE}`], Cmd: [HOSTILE] },
  };
  json("spec.json", { ...fields, graph: "graph.json" });
  json("project.json", { ...fields, graph: "project" });
  json("wrong.json", { ...fields, name: HOSTILE, [HOSTILE]: HOSTILE });
}
