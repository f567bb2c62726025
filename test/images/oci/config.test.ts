import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { digestOf, MediaType, parseImageConfig } from "#oci";

const what = "the config of x";
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const diffId = digestOf(new Uint8Array());
const minimal = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };

test("a config keeps its bytes, unknown fields and the order of its keys", () => {
  const value = {
    zeta: 1,
    ...minimal,
    config: { Zeta: [1], Env: ["A=1"], Labels: { b: "1", a: "2" } },
    history: [{ comment: "c", x: 1 }],
  };
  const document = parseImageConfig(bytesOf(value), { what });
  assert.equal(JSON.stringify(document.value), JSON.stringify(value));
  assert.equal(document.descriptor.mediaType, MediaType.ociConfig);
  assert.equal(document.descriptor.digest, digestOf(bytesOf(value)));
});

test("null is read wherever Docker writes it", () => {
  const config = {
    User: "",
    ExposedPorts: null,
    Env: null,
    Cmd: null,
    Entrypoint: null,
    Volumes: null,
    Labels: null,
    OnBuild: null,
    Healthcheck: null,
  };
  const value = { ...minimal, created: null, config, container_config: null, history: null };
  assert.deepEqual(
    parseImageConfig(bytesOf(value), { what, mediaType: MediaType.dockerConfig }).value,
    value,
  );
});

test("a config without layers may leave its diff IDs out", () => {
  for (const rootfs of [{ type: "layers" }, { type: "layers", diff_ids: null }]) {
    assert.deepEqual(parseImageConfig(bytesOf({ ...minimal, rootfs }), { what }).value.rootfs.diff_ids, []);
  }
});

test("fields of the wrong type are refused, named by their place", () => {
  const wrong: [unknown, RegExp][] = [
    [[], /not a JSON object/],
    [{ ...minimal, os: 1 }, /at os/],
    [{ ...minimal, rootfs: undefined }, /at rootfs/],
    [{ ...minimal, rootfs: { type: "tree", diff_ids: [] } }, /at rootfs\.type/],
    [{ ...minimal, config: { Env: ["A", 1] } }, /at config\.Env\[1\]/],
    [{ ...minimal, config: { Labels: { a: 1 } } }, /at config\.Labels\.a/],
    [{ ...minimal, config: { Cmd: "sh" } }, /at config\.Cmd/],
    [{ ...minimal, history: [{ empty_layer: "yes" }] }, /at history\[0\]\.empty_layer/],
  ];
  for (const [value, words] of wrong) {
    assert.throws(
      () => parseImageConfig(bytesOf(value), { what }),
      (error) =>
        error instanceof VarveError && error.code === "INVALID_MANIFEST" && words.test(error.message),
      JSON.stringify(value),
    );
  }
});

test("a malformed diff ID is refused", () => {
  const value = { ...minimal, rootfs: { type: "layers", diff_ids: [diffId, "sha256:../../x"] } };
  assert.throws(
    () => parseImageConfig(bytesOf(value), { what }),
    (error) =>
      error instanceof VarveError && error.code === "INVALID_DIGEST" && /diff_ids\[1\]/.test(error.message),
  );
});

test("any JSON value in any field is read or refused with a code", () => {
  const field = fc.constantFrom("config", "rootfs", "history", "os", "created", "variant");
  fc.assert(
    fc.property(field, fc.jsonValue(), (name, value) => {
      try {
        parseImageConfig(bytesOf({ ...minimal, [name]: value }), { what });
      } catch (error) {
        assert.ok(error instanceof VarveError, String((error as Error).stack));
      }
    }),
  );
});
