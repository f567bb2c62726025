/** One image to two places of which one fails: the other doesn't have it, or the failure says so. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type ArchiveOutput, dockerArchiveSink, fileOutput, ociArchiveSink, ociLayoutSink } from "#formats";
import { registrySink } from "#registry";
import { fail, type Seen } from "#testing";
import { type ImageSink, writeImage } from "#write";
import { draftWith } from "../../support/drafts.ts";
import { members } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { fails, setUp } from "../registry/support/setup.ts";

const REPOSITORY = "team/app";

const DRAFT = draftWith(["one", "two"], 1000, ["app:1"]);

const LAYERS = await Array.fromAsync(DRAFT.layers());

/** What a registry may refuse. */
const REFUSALS: Record<string, (seen: Seen) => boolean> = {
  "a layer": ({ method, path }) => method === "POST" && path.endsWith("/uploads/"),
  "the config": ({ method, query }) =>
    method === "PUT" && query.get("digest") === DRAFT.finish(LAYERS).config.descriptor.digest,
  "the manifest": ({ method, path }) => method === "PUT" && path.includes("/manifests/"),
};

interface Place {
  readonly sink: ImageSink;
  /** Whether the image is there. */
  hasImage(): Promise<boolean>;
}

/** Places that don't fail. */
const PLACES: Record<string, (folder: string) => Place> = {
  "a docker-archive": (folder) => ({
    sink: dockerArchiveSink({ output: fileOutput(join(folder, "image.tar")) }),
    hasImage: async () => readdirSync(folder).length > 0,
  }),
  "an OCI archive": (folder) => ({
    sink: ociArchiveSink({ output: fileOutput(join(folder, "image.tar.gz")) }),
    hasImage: async () => readdirSync(folder).length > 0,
  }),
  "an OCI layout": (folder) => ({
    sink: ociLayoutSink({ path: folder, tag: "1" }),
    hasImage: async () => readdirSync(folder).includes("index.json"),
  }),
  "a stream": () => {
    const parts: Uint8Array[] = [];
    const output: ArchiveOutput = {
      name: "a stream",
      async write(chunks) {
        parts.length = 0;
        for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
      },
    };
    return {
      sink: dockerArchiveSink({ output }),
      hasImage: async () =>
        await members(Buffer.concat(parts)).then(
          (found) => found.some(({ entry }) => entry.name === "manifest.json"),
          () => false,
        ),
    };
  },
};

async function withRegistry(t: TestContext) {
  const { registry, client, reference } = await setUp(t);
  return { registry, sink: registrySink({ client, reference: reference(`${REPOSITORY}:1`) }) };
}

describe("an image for two places", () => {
  for (const [name, open] of Object.entries(PLACES)) {
    for (const [what, refuses] of Object.entries(REFUSALS)) {
      // A stream's end goes first, since its reader is more likely to fail than a registry that has taken all blobs.
      const late = name === "a stream" && what === "the manifest";
      it(`is ${late ? "said to be" : "not"} in ${name} when the registry beside it refuses ${what}`, async (t) => {
        const place = open(await temporaryFolder(t));
        const { registry, sink } = await withRegistry(t);
        registry.quirk = (_request, response, seen) => {
          if (!refuses(seen)) return false;
          fail(response, 403, "DENIED", "not for you");
          return true;
        };
        const told = late ? /not for you.*; docker-archive:a stream has the image already$/ : /not for you/;
        await fails(writeImage(DRAFT, [place.sink, sink]), "UNAUTHORIZED", told);
        assert.equal(await place.hasImage(), late);
        assert.equal(registry.manifests.size, 0);
        registry.quirk = undefined;
        await writeImage(DRAFT, [place.sink, sink]);
        assert.equal(await place.hasImage(), true);
      });
    }

    it(`is in ${name} and in the registry beside it when both take it`, async (t) => {
      const place = open(await temporaryFolder(t));
      const { registry, sink } = await withRegistry(t);
      const written = await writeImage(DRAFT, [place.sink, sink]);
      assert.deepEqual(
        written.map((one) => one.sink),
        [place.sink, sink],
      );
      assert.equal(await place.hasImage(), true);
      assert.ok(registry.manifests.has(`${REPOSITORY}:1`));
    });
  }

  it("leaves no file when one of two archives can't be moved into its place, and says what the registry has", async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, "image.tar");
    const archive = dockerArchiveSink({ output: fileOutput(path) });
    const { registry, sink } = await withRegistry(t);
    registry.quirk = (_request, _response, { method, path: asked }) => {
      if (method === "PUT" && asked.includes("/manifests/")) mkdirSync(path);
      return false;
    };
    await fails(
      writeImage(DRAFT, [archive, sink]),
      "UNWRITABLE",
      /^cannot write .*; .* has the image already$/,
    );
    assert.deepEqual(readdirSync(folder), ["image.tar"]);
    assert.deepEqual(readdirSync(path), []);
    assert.ok(registry.manifests.has(`${REPOSITORY}:1`));
  });

  it("leaves an archive that was there as it was until it is named", async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, "image.tar");
    const archive = dockerArchiveSink({ output: fileOutput(path) });
    await writeImage(draftWith(["zero"]), [archive]);
    const before = readFileSync(path);
    const { registry, sink } = await withRegistry(t);
    registry.quirk = (_request, response, { path: asked }) => {
      if (!asked.includes("/uploads/")) return false;
      fail(response, 403, "DENIED", "not for you");
      return true;
    };
    await fails(writeImage(DRAFT, [archive, sink]), "UNAUTHORIZED", /not for you/);
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(readdirSync(folder), ["image.tar"]);
  });
});
