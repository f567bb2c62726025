/** Documents that strangers write: of images, specs, confs, layouts, pipelines, caches. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeEntries, decodeSegment, encodeEntries, encodeSegment, NO_SUB } from "#cache";
import { formatLayout, parseLayout, parseWeights, pipelineStrategy } from "#layering";
import {
  choosePlatform,
  digestOf,
  encodeDocument,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
} from "#oci";
import { parseJson } from "#util";
import { parseBuiltLayers } from "../../src/front/dockertools/built-layers.ts";
import { parseConfText } from "../../src/front/dockertools/conf.ts";
import { dumpPythonJson, parsePythonJson } from "../../src/front/dockertools/python/index.ts";
import { checkSpec } from "../../src/sources/spec/spec.ts";
import { graphOf } from "../layers/layering/graphs.ts";
import { nearly } from "./random-json.ts";
import { outcomeOf, type Target } from "./target.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;
const blob = (mediaType: string) => ({ mediaType, digest: DIGEST, size: 12 });
const OCI = "application/vnd.oci.image";
const DOCKER = "application/vnd.docker";

const manifests = [
  {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: blob(`${OCI}.config.v1+json`),
    layers: [blob(`${OCI}.layer.v1.tar+gzip`), blob(`${OCI}.layer.v1.tar`)],
    subject: blob(`${OCI}.manifest.v1+json`),
    annotations: { "org.opencontainers.image.created": "2020-01-01T00:00:00Z" },
  },
  {
    schemaVersion: 2,
    mediaType: `${DOCKER}.distribution.manifest.v2+json`,
    config: blob(`${DOCKER}.container.image.v1+json`),
    layers: [{ ...blob(`${DOCKER}.image.rootfs.diff.tar.gzip`), urls: ["http://a/b"] }],
  },
];

const indexes = [
  {
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: [
      { ...blob(`${OCI}.manifest.v1+json`), platform: { os: "linux", architecture: "amd64" } },
      { ...blob(`${OCI}.manifest.v1+json`), platform: { os: "linux", architecture: "arm", variant: "v7" } },
      { ...blob(`${OCI}.manifest.v1+json`), platform: { os: "unknown", architecture: "unknown" } },
    ],
  },
  {
    schemaVersion: 2,
    mediaType: `${DOCKER}.distribution.manifest.list.v2+json`,
    manifests: [
      { ...blob(`${DOCKER}.distribution.manifest.v2+json`), platform: { os: "linux", architecture: "386" } },
    ],
  },
];

const configs = [
  {
    architecture: "amd64",
    os: "linux",
    created: "1970-01-01T00:00:01Z",
    config: {
      Env: ["PATH=/bin"],
      Cmd: ["sh"],
      Labels: { a: "b" },
      ExposedPorts: { "80/tcp": {} },
      Volumes: null,
    },
    rootfs: { type: "layers", diff_ids: [DIGEST] },
    history: [{ created: "1970-01-01T00:00:01Z", comment: "x" }, { empty_layer: true }],
  },
  { architecture: "arm64", os: "linux", rootfs: { type: "layers", diff_ids: null }, config: null },
];

const specs = [
  {
    name: "app",
    graph: "graph.json",
    contents: ["/a", "/b"],
    config: { Cmd: ["a"], Env: ["A=b"] },
    maxLayers: 5,
    permissions: [{ path: "**", mode: "0755", uid: 1, capabilities: "cap_chown+ep" }],
    fakeRootCommands: "true",
    extraCommands: { file: "x.sh" },
    weights: { a: 2 },
    created: "now",
    binSh: "/bin/dash",
  },
  { name: "x", layeringPipeline: [["popularity_contest"], ["limit_layers", 3]], labels: { a: "b" } },
];

const confs = [
  {
    architecture: "amd64",
    config: { Env: ["A=b"], ExposedPorts: { "80/tcp": {} }, Cmd: ["x"] },
    created: "1970-01-01T00:00:01+00:00",
    mtime: "now",
    uid: 0,
    gid: "0",
    uname: "root",
    gname: "root",
    store_dir: "/nix/store",
    from_image: null,
    store_layers: [["/nix/store/a"], ["/nix/store/b", "/nix/store/c"]],
    customisation_layer: "/nix/store/d",
    repo_tag: "a:b",
    built_layers: ["/nix/store/e"],
    store_mounts: ["/nix/store/f"],
  },
];

const builtLayers = [
  {
    version: 1,
    storeDir: "/nix/store",
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    layers: [
      {
        paths: ["/nix/store/a", "/nix/store/b"],
        diffId: DIGEST,
        size: 10_240,
        blob: blob(`${OCI}.layer.v1.tar+gzip`),
      },
      { paths: ["/nix/store/c"], diffId: DIGEST, size: 10_240 },
    ],
  },
];

const layouts = [
  { version: 1, layers: [{ a: "1", b: "2" }, {}] },
  { version: 2, layers: ["abcdef:abc1def.", ":abd.", ":"] },
  { a: 1, b: 22 },
];

const pipelines = [
  [
    ["split_paths", ["/a"]],
    ["over", "rest", ["pipe", [["popularity_contest"], ["limit_layers", 2]]]],
    ["flatten"],
  ],
  [
    ["subcomponent_out", ["/a"]],
    ["map", ["reverse"]],
    ["over", "main", ["split_every", 1]],
    ["remove_paths", "/b"],
  ],
  [["subcomponent_in", ["/b"]], ["reorder", ["rest", "main"]], ["flatten"]],
];

const cache = encodeEntries([
  { kind: "layer", key: HEX, digest: digestOf(Buffer.from("a")), size: 12, portable: true },
  { kind: "blob", key: HEX, digest: digestOf(Buffer.from("b")), size: 0, portable: false },
  { kind: "tree", key: HEX, digest: digestOf(Buffer.from("c")), size: 2 ** 52, portable: true },
]);

const KEY = HEX.slice(0, 16);
const common = { key: KEY, digest: digestOf(Buffer.from("a")), size: 12, day: 20_000 };
const segment = encodeSegment({
  records: [
    { ...common, kind: "layer", sub: NO_SUB },
    { ...common, kind: "blob", sub: KEY },
    { ...common, kind: "base", key: "f".repeat(16), sub: NO_SUB },
  ],
  replaced: [HEX.slice(0, 32)],
});

/** What is asked of each kind of document, given nearly one. */
const KINDS: Readonly<
  Record<string, { documents: readonly unknown[]; check: (bytes: Buffer) => Promise<void> }>
> = {
  "manifest or index": {
    documents: [...manifests, ...indexes, { ...indexes[0], ...manifests[0], mediaType: undefined }],
    async check(bytes) {
      const origin = { what: "the document" };
      const either = await outcomeOf(() => parseManifestOrIndex(bytes, origin));
      const manifest = await outcomeOf(() => parseManifest(bytes, origin));
      const index = await outcomeOf(() => parseIndex(bytes, origin));
      // No document is both, or a part of the world would read another image than the other.
      assert.ok(!("value" in manifest && "value" in index));
      assert.equal("value" in either, "value" in manifest || "value" in index);
      if ("value" in either) {
        const keys = Object.keys(either.value.document.value);
        assert.ok(!keys.includes("manifests") || !(keys.includes("layers") || keys.includes("config")));
      }
      if ("value" in manifest) {
        const { value, descriptor } = manifest.value;
        assert.equal(descriptor.digest, digestOf(bytes));
        assert.ok(value.layers.every(({ size }) => Number.isSafeInteger(size) && size >= 0));
        const again = encodeDocument(value, descriptor.mediaType);
        assert.deepEqual(
          parseManifest(again.bytes, { ...origin, mediaType: descriptor.mediaType }).value,
          value,
        );
      }
      if ("value" in index) {
        const { manifests } = index.value.value;
        const platform = { os: "linux", architecture: "amd64" };
        const chosen = await outcomeOf(() => choosePlatform(manifests, { platform, what: "the index" }));
        if ("value" in chosen) assert.ok(manifests.includes(chosen.value));
      }
    },
  },
  config: {
    documents: configs,
    async check(bytes) {
      const config = await outcomeOf(() => parseImageConfig(bytes, { what: "the config" }));
      if ("refused" in config) return;
      assert.equal(config.value.descriptor.digest, digestOf(bytes));
      for (const diffId of config.value.value.rootfs.diff_ids) assert.match(diffId, /^sha\d+:[0-9a-f]+$/);
      const again = encodeDocument(config.value.value, "application/json");
      assert.deepEqual(parseImageConfig(again.bytes, { what: "the config" }).value, config.value.value);
    },
  },
  spec: {
    documents: specs,
    async check(bytes) {
      await outcomeOf(() => {
        const value = parseJson(bytes, { what: "the spec", maxBytes: 1 << 24 });
        const spec = checkSpec(value);
        assert.ok((spec.maxLayers ?? 2) >= 2 && spec.uid >= 0);
      });
    },
  },
  conf: {
    documents: confs,
    async check(bytes) {
      const text = bytes.toString();
      await outcomeOf(() => parseConfText(text, { what: "the conf", now: new Date(0) }));
      const json = await outcomeOf(() => parsePythonJson(text, { what: "the conf" }));
      if ("value" in json) {
        const dumped = dumpPythonJson(json.value);
        assert.equal(dumpPythonJson(parsePythonJson(dumped, { what: "what was dumped" })), dumped);
      }
    },
  },
  "built layers": {
    documents: builtLayers,
    async check(bytes) {
      const layers = await outcomeOf(() => parseBuiltLayers(bytes, "/nix/store/layers"));
      if ("refused" in layers) return;
      for (const { told, recipe, blob, paths } of layers.value) {
        assert.match(told.diffId, /^sha\d+:[0-9a-f]+$/);
        assert.ok(told.size >= 0 && (blob?.descriptor.size ?? 0) >= 0);
        assert.ok(
          paths.length > 0 &&
            recipe.items.every((item) => item.kind === "entry" || !item.source.includes("/../")),
        );
      }
    },
  },
  layout: {
    documents: layouts,
    async check(bytes) {
      const layout = await outcomeOf(() => parseLayout(bytes, "the layout"));
      if ("value" in layout && layout.value.hashes === undefined) {
        assert.deepEqual(parseLayout(formatLayout(layout.value), "it"), layout.value);
      } else if ("value" in layout) {
        assert.equal(layout.value.hashes!.length, layout.value.layers.length);
      }
      const weights = await outcomeOf(() => parseWeights(bytes, "the weights"));
      if ("value" in weights) assert.ok([...weights.value.values()].every((weight) => weight >= 1));
    },
  },
  pipeline: {
    documents: pipelines,
    async check(bytes) {
      const graph = graphOf({ "/a": ["/b", "/c"], "/b": ["/c"], "/c": [], "/d": ["/d"] });
      const groups = await outcomeOf(() =>
        pipelineStrategy(parseJson(bytes, { what: "it", maxBytes: 1 << 24 })).plan({ graph, available: 3 }),
      );
      if ("refused" in groups) return;
      assert.ok(groups.value.length <= 3);
      assert.ok(groups.value.flat().every((id) => graph.components.has(id)));
    },
  },
  "cache entries": {
    documents: [Buffer.from(cache).toString()],
    async check(bytes) {
      const { entries } = decodeEntries(bytes);
      const sound = decodeEntries(encodeEntries(entries));
      assert.equal(sound.broken, 0);
      // A changed line is one that nobody wrote: at the least its check is wrong.
      const written = new Set(decodeEntries(cache).entries.map((entry) => JSON.stringify(entry)));
      assert.ok(sound.entries.every((entry) => written.has(JSON.stringify(entry))));
    },
  },
  // In hexadecimal digits, since random documents are text.
  "segment of a shared cache": {
    documents: [Buffer.from(segment).toString("hex")],
    async check(bytes) {
      const found = decodeSegment(Buffer.from(bytes.toString("latin1"), "hex"));
      if (found === undefined) return;
      assert.deepEqual(decodeSegment(encodeSegment(found))?.records, found.records);
    },
  },
};

const documented = fc.oneof(
  ...Object.entries(KINDS).map(([kind, { documents }]) => fc.tuple(fc.constant(kind), nearly(documents))),
);

export const documents: Target = {
  name: "documents",
  runs: 700,
  property: () => fc.asyncProperty(documented, async ([kind, bytes]) => await KINDS[kind]!.check(bytes)),
};
