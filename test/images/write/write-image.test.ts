import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VarveError } from "#errors";
import type { ImageDraft, Layer } from "#image";
import { type Descriptor, digestOf, encodeDocument, MediaType } from "#oci";
import { type ImageSink, type ImageWriter, writeImage } from "#write";

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

interface Diarist {
  readonly name?: string;
  readonly naming?: ImageWriter["naming"];
  readonly parallel?: number;
  /** What it does with a layer. */
  readonly store?: (name: string) => Promise<void>;
  /** What it can't do. */
  readonly broken?: Phase;
}

const PHASES = ["open", "layer", "prepare", "commit", "dispose"] as const;

type Phase = (typeof PHASES)[number];

/** A sink that keeps a diary. */
function diarist(
  diary: string[],
  {
    name = "the sink",
    naming = "rename",
    parallel = 1,
    store = async (_: string) => {},
    broken,
  }: Diarist = {},
): ImageSink {
  const fail = (phase: Phase) => {
    if (phase === broken) throw new VarveError("UNWRITABLE", `${name} broke at ${phase}`);
  };
  return {
    name,
    parallel,
    async open() {
      fail("open");
      return {
        naming,
        async layer(layer) {
          const [name = ""] = layer.components;
          diary.push(`begin ${name}`);
          fail("layer");
          await store(name);
          for await (const _ of layer.open());
          diary.push(`end ${name}`);
          return { descriptor: layer.descriptor, outcome: "written" };
        },
        async prepare({ manifest }): Promise<Descriptor> {
          fail("prepare");
          diary.push(`prepare ${manifest.value.layers.length}`);
          return manifest.descriptor;
        },
        async commit() {
          fail("commit");
          diary.push("commit");
        },
        async [Symbol.asyncDispose]() {
          diary.push("dispose");
          fail("dispose");
        },
      };
    },
  };
}

/** The sink with some of its writer's methods replaced. */
function changed(sink: ImageSink, change: (writer: ImageWriter) => Partial<ImageWriter>): ImageSink {
  return {
    ...sink,
    async open(options) {
      const writer = await sink.open(options);
      return { ...writer, ...change(writer) };
    },
  };
}

/** The sink, but it has every layer already. */
function idle(sink: ImageSink): ImageSink {
  return changed(sink, () => ({
    layer: async ({ descriptor }) => ({ descriptor, outcome: "present" }),
  }));
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
    assert.deepEqual(diary.splice(0), ["begin a", "end a", "read b", "prepare 2", "commit", "dispose"]);
    assert.deepEqual(
      written!.layers.map(({ descriptor }) => descriptor.digest),
      ["a", "b"].map((name) => layerOf(name).diffId),
    );
    // One that needs digests makes them known to all.
    await writeImage(draft, [unknowing, known]);
    assert.deepEqual(
      diary.filter((line) => line.startsWith("prepare")),
      ["prepare 3", "prepare 3"],
    );
  });

  it("gives a sink the config when the last layer has been read, while layers are still being stored", async () => {
    const stored = Promise.withResolvers<void>();
    const diary: string[] = [];
    const waiting = changed(diarist(diary, { parallel: 3 }), (writer) => ({
      async layer(layer) {
        const result = await writer.layer(layer);
        // Nothing is stored before the config has come: without it, this would wait for ever.
        await stored.promise;
        diary.push(`stored ${layer.components}`);
        return result;
      },
      config({ value }) {
        diary.push(`config of ${value.rootfs.diff_ids.length}`);
        stored.resolve();
      },
    }));
    await writeImage(three, [waiting]);
    const config = diary.indexOf("config of 3");
    assert.notEqual(config, -1);
    for (const name of ["a", "b", "c"]) assert.ok(diary.indexOf(`stored ${name}`) > config, diary.join(", "));
    assert.deepEqual(diary.slice(-3), ["prepare 3", "commit", "dispose"]);
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
      "prepare 3",
      "commit",
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

  it("fails with a sink's failure, disposes of all sinks, and prepares none", async () => {
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
    assert.ok(!other.some((line) => line.startsWith("prepare")));
  });

  for (const broken of PHASES) {
    it(`to two sinks of which the second fails to ${broken === "layer" ? "take a layer" : broken} ${broken === "dispose" ? "has written it" : "names it in neither"}, and disposes of both`, async () => {
      const [first, second] = [[], []] as [string[], string[]];
      const sinks = [diarist(first), diarist(second, { name: "the second", naming: "request", broken })];
      await assert.rejects(writeImage(three, sinks), {
        code: "UNWRITABLE",
        message: `the second broke at ${broken}`,
      });
      const ends = (diary: string[]) => diary.filter((line) => ["commit", "dispose"].includes(line));
      const whole = broken === "dispose" ? ["commit", "dispose"] : ["dispose"];
      assert.deepEqual(ends(first), whole);
      assert.deepEqual(ends(second), broken === "open" ? [] : whole);
    });
  }

  it("names it in those sinks first that are most likely to fail, once all are prepared", async () => {
    const diary: string[] = [];
    const sinks = (["rename", "stream", "request"] as const).map((naming) => {
      const commit = async () => void diary.push(`commit ${naming}`);
      return changed(diarist(diary, { name: naming, naming }), () => ({ commit }));
    });
    const written = await writeImage(three, sinks);
    assert.deepEqual(diary.slice(diary.indexOf("prepare 3")), [
      "prepare 3",
      "prepare 3",
      "prepare 3",
      "commit stream",
      "commit request",
      "commit rename",
      "dispose",
      "dispose",
      "dispose",
    ]);
    assert.deepEqual(
      written.map(({ sink }) => sink.name),
      ["rename", "stream", "request"],
    );
  });

  it("says who has it already when naming it fails after others have named it", async () => {
    const sinks = [
      diarist([], { name: "one", naming: "stream" }),
      diarist([], { name: "two", naming: "request" }),
      diarist([], { name: "three", broken: "commit" }),
    ];
    await assert.rejects(writeImage(three, sinks), {
      code: "UNWRITABLE",
      message: "three broke at commit; one and two have the image already",
    });
  });

  it("disposes of all sinks though one can't be disposed of, and tells of what failed first", async () => {
    const diary: string[] = [];
    const first = diarist(diary, { name: "first", broken: "dispose" });
    await assert.rejects(writeImage(three, [first, diarist(diary)]), /first broke at dispose/);
    const last = diarist(diary, { broken: "layer" });
    await assert.rejects(writeImage(three, [first, last]), /the sink broke at layer/);
    assert.equal(diary.filter((line) => line === "dispose").length, 4);
  });

  it("names it nowhere when it was cancelled while it was prepared", async () => {
    const diary: string[] = [];
    const abortion = new AbortController();
    const sink = diarist(diary);
    const cancelling = changed(sink, (writer) => ({
      prepare(image) {
        abortion.abort();
        return writer.prepare(image);
      },
    }));
    await assert.rejects(writeImage(three, [cancelling], { signal: abortion.signal }), { code: "ABORTED" });
    assert.ok(!diary.includes("commit"));
  });

  for (const readers of [1, 2]) {
    it(`reads a layer that is only claimed to be what it is once, whether or not ${readers} sinks want it`, async () => {
      let read = 0;
      const claimed = draftOf(async function* () {
        const layer = layerOf("a");
        yield {
          ...layer,
          claimed: true,
          async *open() {
            yield* layer.open();
            read++;
          },
        };
      });
      const reading = Array.from({ length: readers }, () => diarist([]));
      await writeImage(claimed, reading);
      assert.equal(read, 1);
      await writeImage(claimed, reading.map(idle));
      assert.equal(read, 2);
    });
  }

  it("fails where a claim that no sink cared about is wrong", async () => {
    const diary: string[] = [];
    const wrong = draftOf(async function* () {
      yield {
        ...layerOf("a"),
        claimed: true,
        // biome-ignore lint/correctness/useYield: it fails before
        async *open() {
          throw new VarveError("STALE_CACHE", "it isn't a");
        },
      };
    });
    await assert.rejects(writeImage(wrong, [idle(diarist(diary))]), { code: "STALE_CACHE" });
    assert.deepEqual(diary, ["dispose"]);
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
