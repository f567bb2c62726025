import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorCode, VarveError } from "#errors";
import {
  digestOf,
  encodeDocument,
  MAX_MANIFEST_BYTES,
  MediaType,
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
} from "#oci";

const what = "the manifest of x";
const bytesOf = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const digest = digestOf(new Uint8Array([1]));
const layer = { mediaType: MediaType.ociLayerGzip, digest, size: 1 };
const oci = {
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  config: { mediaType: MediaType.ociConfig, digest, size: 2 },
  layers: [layer],
};
const docker = {
  schemaVersion: 2,
  mediaType: MediaType.dockerManifest,
  config: { mediaType: MediaType.dockerConfig, digest, size: 2 },
  layers: [{ ...layer, mediaType: MediaType.dockerLayerGzip }],
};
const index = { schemaVersion: 2, manifests: [{ mediaType: MediaType.ociManifest, digest, size: 3 }] };

function refused(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof VarveError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(error.message.startsWith(what), error.message);
    return true;
  };
}

test("a manifest keeps its bytes, its unknown fields and its digest", () => {
  const bytes = Buffer.from(JSON.stringify({ ...oci, "org.example": [1, { a: null }] }, null, 3));
  const document = parseManifest(bytes, { what });
  assert.equal(document.bytes, bytes);
  assert.deepEqual(document.value, JSON.parse(bytes.toString()));
  assert.deepEqual(document.descriptor, {
    mediaType: MediaType.ociManifest,
    digest: digestOf(bytes),
    size: bytes.length,
  });
});

test("a media type that neither document nor sender says follows from the config's", () => {
  const { mediaType: _o, ...plainOci } = oci;
  const { mediaType: _d, ...plainDocker } = docker;
  const type = (value: unknown, mediaType?: string) =>
    parseManifest(bytesOf(value), { what, mediaType }).descriptor.mediaType;
  assert.equal(type(plainOci), MediaType.ociManifest);
  assert.equal(type(plainDocker), MediaType.dockerManifest);
  assert.equal(type(plainDocker, "application/json"), MediaType.dockerManifest);
  assert.equal(type(plainOci, `${MediaType.dockerManifest}; charset=utf-8`), MediaType.dockerManifest);
  assert.equal(parseIndex(bytesOf(index), { what }).descriptor.mediaType, MediaType.ociIndex);
});

test("a document that has both manifests and layers is refused as ambiguous", () => {
  for (const mediaType of [undefined, MediaType.ociManifest, MediaType.ociIndex]) {
    for (const both of [
      { ...oci, ...index },
      { ...index, layers: [] },
      { ...oci, Manifests: [] },
      { ...index, config: {} },
    ]) {
      const { mediaType: _m, ...value } = both as Record<string, unknown>;
      for (const parse of [parseManifest, parseIndex, parseManifestOrIndex]) {
        assert.throws(
          () => parse(bytesOf(value), { what, mediaType }),
          refused("INVALID_MANIFEST", /ambiguous/),
        );
      }
    }
  }
});

test("a key in two spellings of case is refused, since Go's readers take either", () => {
  assert.throws(
    () => parseManifest(bytesOf({ ...oci, Layers: [] }), { what }),
    refused("INVALID_MANIFEST", /case/),
  );
});

test("a Content-Type that disagrees with the document's mediaType is refused", () => {
  const pairs: [unknown, string][] = [
    [oci, MediaType.dockerManifest],
    [docker, MediaType.ociManifest],
    [oci, MediaType.ociIndex],
    [oci, "text/html"],
    [{ ...oci, mediaType: MediaType.ociIndex }, MediaType.ociManifest],
  ];
  for (const [value, mediaType] of pairs) {
    assert.throws(
      () => parseManifestOrIndex(bytesOf(value), { what, mediaType }),
      refused("INVALID_MANIFEST", /announced as/),
    );
  }
});

test("Docker's schema 1 is refused with what to do", () => {
  const v1 = { schemaVersion: 1, name: "x", tag: "y", architecture: "amd64", fsLayers: [], history: [] };
  const pretty = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  for (const mediaType of [undefined, pretty, "application/json"]) {
    assert.throws(
      () => parseManifestOrIndex(bytesOf(v1), { what, mediaType }),
      refused("INVALID_MANIFEST", /schema 1.*push the image again/),
    );
  }
});

test("a manifest where an index is wanted, and the other way round, is refused by name", () => {
  assert.throws(() => parseManifest(bytesOf(index), { what }), refused("INVALID_MANIFEST", /is an index/));
  assert.throws(
    () => parseIndex(bytesOf(oci), { what }),
    refused("INVALID_MANIFEST", /one manifest where an index/),
  );
  assert.equal(parseManifestOrIndex(bytesOf(index), { what }).kind, "index");
  assert.equal(parseManifestOrIndex(bytesOf(docker), { what }).kind, "manifest");
});

test("a malformed digest such as sha256:../../x is refused, wherever it stands", () => {
  for (const bad of [
    "sha256:../../x",
    "sha256:",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}/`,
    "md5:1",
    `${digest}\n`,
  ]) {
    const withBad = { ...layer, digest: bad };
    for (const value of [
      { ...oci, layers: [layer, withBad] },
      { ...oci, config: withBad },
      { ...oci, subject: withBad },
    ]) {
      assert.throws(() => parseManifest(bytesOf(value), { what }), refused("INVALID_DIGEST", /digest/));
    }
    assert.throws(
      () => parseIndex(bytesOf({ ...index, manifests: [withBad] }), { what }),
      refused("INVALID_DIGEST", /manifests\[0\]/),
    );
  }
});

test("sizes that are negative, fractional, beyond 2^53 or not numbers are refused", () => {
  for (const size of ["-1", "0.5", "9007199254740992", "1e300", '"1"', "null"]) {
    const text = JSON.stringify(oci).replace('"size":1', `"size":${size}`);
    assert.throws(
      () => parseManifest(bytesOf(text), { what }),
      refused("INVALID_MANIFEST", /layers\[0\]\.size/),
      size,
    );
  }
});

test("a key that comes twice, another shape, or too many bytes is refused", () => {
  const twice = JSON.stringify(oci).replace("{", '{"layers":[],');
  assert.throws(() => parseManifest(bytesOf(twice), { what }), refused("INVALID_JSON", /twice/));
  for (const value of [
    [],
    "null",
    1,
    {},
    { ...oci, schemaVersion: 3 },
    { ...oci, config: null },
    { ...oci, layers: {} },
    { ...oci, mediaType: 5 },
  ]) {
    assert.throws(() => parseManifest(bytesOf(value), { what }), refused("INVALID_MANIFEST", /./));
  }
  const large = Buffer.alloc(MAX_MANIFEST_BYTES + 1, " ");
  assert.throws(() => parseManifest(large, { what }), refused("TOO_LARGE", /bytes/));
});

test("null where Go wrote an empty list counts as no layers", () => {
  const { value } = parseManifest(bytesOf({ ...oci, layers: null }), { what });
  assert.deepEqual(value.layers, []);
});

test("an encoded document is compact JSON in the value's own key order", () => {
  const document = encodeDocument({ b: 1, a: ["é"] }, "x/y");
  assert.equal(Buffer.from(document.bytes).toString(), '{"b":1,"a":["é"]}');
  assert.deepEqual(document.descriptor, { mediaType: "x/y", digest: digestOf(document.bytes), size: 18 });
});

test("any mutation of a manifest is read or refused with a code", () => {
  const texts = [oci, docker, index].map((value) => JSON.stringify(value));
  const snippet = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "null",
    "-1",
    '"layers":',
    '"manifests":[],',
    "9e99",
    "\u0000",
  );
  const edit = fc.tuple(fc.nat(1000), fc.nat(20), snippet);
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.array(edit, { maxLength: 4 }), (text, edits) => {
      let mutated = text;
      for (const [at, cut, put] of edits) {
        const place = at % (mutated.length + 1);
        mutated = mutated.slice(0, place) + put + mutated.slice(place + cut);
      }
      try {
        const { document } = parseManifestOrIndex(bytesOf(mutated), { what });
        assert.match(document.descriptor.digest, /^sha256:[0-9a-f]{64}$/);
      } catch (error) {
        assert.ok(error instanceof VarveError, String((error as Error).stack));
      }
    }),
    { numRuns: 2000 },
  );
});

test("any JSON value in any field is read or refused with a code", () => {
  const field = fc.constantFrom(
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "artifactType",
  );
  fc.assert(
    fc.property(fc.constantFrom<object>(oci, index), field, fc.jsonValue(), (base, name, value) => {
      try {
        parseManifestOrIndex(bytesOf({ ...base, [name]: value }), { what });
      } catch (error) {
        assert.ok(error instanceof VarveError, String((error as Error).stack));
      }
    }),
    { numRuns: 1000 },
  );
});
