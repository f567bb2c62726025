import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ImageDraft, type ImageSink, type Layer, writeImage } from "../../src/image/index.ts";
import { type Descriptor, digestOf, encodeDocument, MediaType } from "../../src/oci/index.ts";

function layerOf(text: string): Layer {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes);
  return {
    descriptor: { mediaType: MediaType.ociLayer, digest, size: bytes.length },
    diffId: digest,
    components: [text],
    async *open() {
      yield bytes;
    },
  };
}

function draftOf(layers: () => AsyncIterable<Layer>): ImageDraft {
  return {
    layers,
    finish: (made) => ({
      config: encodeDocument(
        {
          architecture: "amd64",
          os: "linux",
          rootfs: { type: "layers" as const, diff_ids: made.map(({ diffId }) => diffId) },
        },
        MediaType.ociConfig,
      ),
      names: ["x"],
    }),
  };
}

/** A sink that keeps a diary; `store` is what it does with a layer. */
function diarist(diary: string[], { parallel = 1, store = async (_: string) => {} } = {}): ImageSink {
  return {
    name: "the sink",
    parallel,
    async open() {
      return {
        async layer(layer) {
          const [name = ""] = layer.components;
          diary.push(`begin ${name}`);
          await store(name);
          for await (const _ of layer.open());
          diary.push(`end ${name}`);
          return { descriptor: layer.descriptor, outcome: "written" };
        },
        async finish({ manifest }): Promise<Descriptor> {
          diary.push(`finish ${manifest.value.layers.length}`);
          return manifest.descriptor;
        },
        async [Symbol.asyncDispose]() {
          diary.push("dispose");
        },
      };
    },
  };
}

describe("writing an image", () => {
  const three = draftOf(async function* () {
    for (const name of ["a", "b", "c"]) yield layerOf(name);
  });

  it("lets sinks that can do without a digest read layers that nobody knows yet, and measures them for others", async () => {
    const diary: string[] = [];
    const draft: ImageDraft = {
      ...three,
      async *unmeasuredLayers() {
        yield layerOf("a");
        const layer = layerOf("b");
        let isRead = false;
        yield {
          components: layer.components,
          estimatedSize: 1,
          async *open() {
            yield* layer.open();
            isRead = true;
          },
          measured: () => (isRead ? layer : assert.fail("it hasn't been read")),
        };
      },
    };
    const known = diarist(diary);
    const unknowing: ImageSink = {
      ...known,
      async open(options) {
        return {
          ...(await known.open(options)),
          async unmeasuredLayer(layer) {
            diary.push(`read ${layer.components}`);
            for await (const _ of layer.open());
            return { descriptor: layer.measured().descriptor, outcome: "written" };
          },
        };
      },
    };
    const [written] = await writeImage(draft, [unknowing]);
    assert.deepEqual(diary.splice(0), ["begin a", "end a", "read b", "finish 2", "dispose"]);
    assert.deepEqual(
      written!.layers.map(({ descriptor }) => descriptor.digest),
      ["a", "b"].map((name) => layerOf(name).diffId),
    );
    // One that needs digests makes them known to all.
    await writeImage(draft, [unknowing, known]);
    assert.deepEqual(
      diary.filter((line) => line.startsWith("finish")),
      ["finish 3", "finish 3"],
    );
  });

  it("gives a sink its layers from the bottom up, then the rest", async () => {
    const diary: string[] = [];
    const [written] = await writeImage(three, [diarist(diary)]);
    assert.deepEqual(diary, [
      "begin a",
      "end a",
      "begin b",
      "end b",
      "begin c",
      "end c",
      "finish 3",
      "dispose",
    ]);
    assert.equal(written!.layers.length, 3);
  });

  it("keeps the layers' order in the manifest, whichever is through first", async () => {
    const release = Promise.withResolvers<void>();
    const diary: string[] = [];
    const store = async (name: string) => {
      if (name === "a") await release.promise;
      if (name === "c") release.resolve();
    };
    const [written] = await writeImage(three, [diarist(diary, { parallel: 3, store })]);
    assert.ok(diary.indexOf("end c") < diary.indexOf("end a"));
    assert.deepEqual(
      written!.layers.map(({ descriptor }) => descriptor.digest),
      ["a", "b", "c"].map((name) => layerOf(name).diffId),
    );
  });

  it("writes the same manifest whatever order the fields of a sink's descriptors have", async () => {
    const reversing = (sink: ImageSink): ImageSink => ({
      ...sink,
      async open(options) {
        const writer = await sink.open(options);
        return {
          ...writer,
          async layer(layer) {
            const { descriptor, outcome } = await writer.layer(layer);
            const reversed = Object.fromEntries(Object.entries(descriptor).toReversed());
            return { descriptor: reversed as unknown as Descriptor, outcome };
          },
        };
      },
    });
    const [one, other] = await writeImage(three, [diarist([]), reversing(diarist([]))]);
    assert.equal(other!.descriptor.digest, one!.descriptor.digest);
  });

  it("waits for the layers under way before it fails, whoever failed", async () => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const failing = draftOf(async function* () {
      yield layerOf("a");
      await begun.promise;
      setImmediate(release.resolve);
      throw new Error("the draft broke");
    });
    const diary: string[] = [];
    const store = async () => {
      begun.resolve();
      await release.promise;
    };
    await assert.rejects(writeImage(failing, [diarist(diary, { parallel: 2, store })]), /the draft broke/);
    // A writer that is disposed of while it writes could leave behind what it was writing.
    assert.deepEqual(diary, ["begin a", "end a", "dispose"]);
  });

  it("fails with a sink's failure, disposes of all sinks, and finishes none", async () => {
    const diary: string[] = [];
    const failing = diarist(diary, {
      store: async (name) => {
        if (name === "b") throw new Error("the sink broke");
      },
    });
    const other: string[] = [];
    await assert.rejects(writeImage(three, [failing, diarist(other)]), /the sink broke/);
    assert.deepEqual(diary, ["begin a", "end a", "begin b", "dispose"]);
    assert.equal(other.at(-1), "dispose");
    assert.ok(!other.some((line) => line.startsWith("finish")));
  });

  it("reads each layer once for several sinks", async () => {
    let opened = 0;
    const draft = draftOf(async function* () {
      const layer = layerOf("a");
      yield {
        ...layer,
        open: () => {
          opened++;
          return layer.open();
        },
      };
    });
    await writeImage(draft, [diarist([]), diarist([]), diarist([])]);
    assert.equal(opened, 1);
  });
});
