/** Images on which artifacts hang, in registries in memory and in layouts. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Machine, thisMachine } from "#app";
import { draftOf } from "#image";
import { type Descriptor, encodeDocument, type ImageIndex, MediaType } from "#oci";
import { FakeRegistry, madeImage, type ReferrersSupport } from "#testing";
import { writeImage } from "#write";
import { type Scope, temporaryFolder } from "./tmp.ts";

export const SBOM = "application/vnd.cyclonedx+json";

/** An artifact of one blob. */
export function artifact(text: string, annotations?: Record<string, string>) {
  const blobs = [{ mediaType: SBOM, bytes: Buffer.from(JSON.stringify({ text })) }];
  return { artifactType: SBOM, blobs, ...(annotations && { annotations }) };
}

/** A place with one image, and how to reach it. */
export interface ImagePlace {
  readonly ref: string;
  /** Of the image's manifest. */
  readonly image: Descriptor;
  readonly options: { readonly machine: Machine };
}

/** A machine without a cache, until the test ends. */
export function machineFor(t: Scope): Machine {
  const machine = thisMachine({ cache: false });
  t.after(async () => await machine[Symbol.asyncDispose]());
  return machine;
}

/** A registry in memory with an image at `app:1`. */
export async function registryWithImage(
  t: TestContext,
  support: ReferrersSupport = {},
): Promise<ImagePlace & { readonly registry: FakeRegistry }> {
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  registry.referrers = support;
  const machine = machineFor(t);
  const ref = `docker://${registry.host}/app:1`;
  const image = await writeTo(ref, machine);
  return { registry, ref, image, options: { machine } };
}

/** A layout with an image of the tag `1`. */
export async function layoutWithImage(t: TestContext): Promise<ImagePlace & { readonly path: string }> {
  const path = join(await temporaryFolder(t), "layout");
  const machine = machineFor(t);
  const ref = `oci:${path}`;
  return { path, ref, image: await writeTo(`${ref}:1`, machine), options: { machine } };
}

async function writeTo(ref: string, { transports }: Machine): Promise<Descriptor> {
  const [written] = await writeImage(draftOf(await madeImage([{ entries: { "etc/name": "app" } }])), [
    await transports.sink(ref),
  ]);
  return written!.descriptor;
}

/** Writes an index over images for two platforms into a layout, or a registry; returns the images' descriptors and its own. */
export async function writeIndex(
  ref: string,
  { transports }: Machine,
): Promise<{ readonly images: readonly Descriptor[]; readonly index: Descriptor }> {
  const sink = await transports.sink(ref);
  const images: Descriptor[] = [];
  for (const architecture of ["amd64", "arm64"]) {
    const { manifest: _, ...made } = await madeImage([{ entries: { "etc/arch": architecture } }]);
    const config = encodeDocument({ ...made.config.value, architecture }, MediaType.ociConfig);
    const [written] = await writeImage(draftOf({ ...made, config }), [sink], { untagged: true });
    images.push({ ...written!.descriptor, platform: { os: "linux", architecture } });
  }
  const value: ImageIndex = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: images };
  const document = encodeDocument(value, MediaType.ociIndex);
  await sink.writeIndex!(document, { signal: undefined });
  return { images, index: document.descriptor };
}
