/** What leaves the library may be kept: no chunk's memory is used again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { ImageSource } from "#image";
import {
  type ArchiveOutput,
  dockerArchiveSink,
  dockerArchiveSource,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSource,
} from "../../../src/entries/formats.ts";
import { HttpClient, parseReference, RegistryClient, registrySource } from "../../../src/entries/registry.ts";
import { FakeRegistry } from "../../../src/entries/testing.ts";
import {
  build,
  exportImage,
  exportRoot,
  merge,
  mergeImages,
  pullImage,
  streamLayeredImage,
  thisMachine,
} from "../../../src/index.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";

/** More than any memory that is used again holds, no two blocks of it alike. */
function manyBytes(): Buffer {
  const block = (at: number) => createHash("sha256").update(String(at)).digest();
  return Buffer.concat(Array.from({ length: 200_000 }, (_, at) => block(at)));
}

const machine = () => thisMachine({ cache: false });
const platform = { os: "linux", architecture: "amd64" };

/** An archive's output that keeps the chunks it gets. */
function keeping(): ArchiveOutput & { readonly bytes: () => Buffer } {
  let chunks: Uint8Array[] = [];
  return {
    name: "kept",
    async write(given) {
      chunks = await Array.fromAsync(given);
    },
    bytes: () => Buffer.concat(chunks),
  };
}

describe("chunks that are kept", () => {
  const scope = stacked({ after });
  let folder: string;
  let place: string;
  let digest: string;
  const client = (registry: string) => {
    const http = new HttpClient();
    scope.after(() => http.close());
    return new RegistryClient({ registry, http });
  };

  before(async () => {
    folder = await temporaryFolder(scope);
    const registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    mkdirSync(`${folder}/root`);
    writeFileSync(`${folder}/root/file`, manyBytes());
    place = `${registry.host}/app:1`;
    const to = [
      `docker-archive:${folder}/app.tar`,
      `oci:${folder}/layout:1`,
      `oci-archive:${folder}/oci.tar`,
    ];
    const on = machine();
    scope.after(async () => await on[Symbol.asyncDispose]());
    const spec = { name: "app", tag: "1", architecture: "amd64", copyToRoot: `${folder}/root` };
    const image = await build(spec, { to, machine: on });
    ({ digest } = await build(spec, { to: [`docker://${place}`], machine: on }));
    assert.equal(image.places.length, 3);
  });

  /** Whether bytes hold the file, undamaged. */
  function hasAll(bytes: Buffer): void {
    assert.ok(
      bytes.includes(readFileSync(`${folder}/root/file`)),
      `${bytes.length} bytes have the file in them`,
    );
  }

  it("of streamLayeredImage are right", async () => {
    const args = { name: "app", copyToRoot: `${folder}/root` };
    hasAll(Buffer.concat(await Array.fromAsync(streamLayeredImage(args))));
  });

  it("of mergeImages are right", async () => {
    hasAll(Buffer.concat(await Array.fromAsync(mergeImages([`${folder}/app.tar`]))));
  });

  it("of exportImage are right", async () => {
    hasAll(Buffer.concat(await Array.fromAsync(exportImage({ fromImage: `${folder}/app.tar` }))));
  });

  it("of pullImage are right", async () => {
    const pulled = pullImage({ imageName: place.replace(/:1$/, ""), imageDigest: digest, arch: "amd64" });
    hasAll(Buffer.concat(await Array.fromAsync(pulled)));
  });

  it("that exportRoot and merge write are right", async () => {
    const [exported, merged] = [keeping(), keeping()];
    await exportRoot(`${folder}/app.tar`, exported);
    await merge([`${folder}/app.tar`], merged);
    hasAll(exported.bytes());
    hasAll(merged.bytes());
  });

  for (const [what, sink] of Object.entries({ dockerArchiveSink, ociArchiveSink })) {
    it(`that ${what} writes are right`, async () => {
      const output = keeping();
      const spec = { name: "app", copyToRoot: `${folder}/root` };
      await build(spec, { to: [sink({ output })], compression: { algorithm: "none" } });
      hasAll(output.bytes());
    });
  }

  const sources: Record<string, () => ImageSource> = {
    dockerArchiveSource: () => dockerArchiveSource({ path: `${folder}/app.tar` }),
    ociArchiveSource: () => ociArchiveSource({ path: `${folder}/oci.tar` }),
    ociLayoutSource: () => ociLayoutSource({ path: `${folder}/layout` }),
    registrySource: () => {
      const reference = parseReference(place);
      return registrySource({ client: client(reference.registry), reference });
    },
  };
  for (const [what, open] of Object.entries(sources)) {
    it(`of a layer of ${what} are right`, async () => {
      await using source = open();
      const [layer] = (await source.read({ platform })).layers;
      const bytes = Buffer.concat(await Array.fromAsync(layer!.open()));
      const { digest, size } = layer!.descriptor;
      assert.equal(bytes.length, size);
      assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
    });
  }

  it("of a client's blob are right", async () => {
    const { registry, repository } = parseReference(place);
    const asked = client(registry);
    await using source = registrySource({ client: asked, reference: parseReference(place) });
    const [layer] = (await source.read({ platform })).layers;
    const { descriptor } = layer!;
    const bytes = Buffer.concat(await Array.fromAsync(asked.getBlob({ repository, descriptor })));
    assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, descriptor.digest);
  });
});
