import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isForeignLayer,
  isIndexType,
  isManifestType,
  layerCompression,
  layerMediaType,
  MediaType,
  mediaTypeFamily,
  toDockerMediaType,
  toOciMediaType,
} from "#oci";

test("a layer's compression is told from its media type and back", () => {
  for (const family of ["oci", "docker"] as const) {
    for (const compression of ["none", "gzip", "zstd"] as const) {
      const type = layerMediaType(compression, family);
      assert.equal(layerCompression(type), compression);
      assert.equal(mediaTypeFamily(type), family);
      assert.ok(!isForeignLayer(type));
    }
  }
  assert.equal(layerCompression(MediaType.ociConfig), undefined);
  assert.equal(layerCompression("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), "gzip");
  assert.ok(isForeignLayer("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"));
});

test("OCI and Docker media types map onto each other without loss", () => {
  for (const type of Object.values(MediaType)) {
    const other = mediaTypeFamily(type) === "oci" ? toDockerMediaType(type) : toOciMediaType(type);
    assert.notEqual(other, type);
    assert.equal(mediaTypeFamily(type) === "oci" ? toOciMediaType(other) : toDockerMediaType(other), type);
    assert.equal(isIndexType(type), isIndexType(other));
    assert.equal(isManifestType(type), isManifestType(other));
  }
  assert.equal(toOciMediaType("text/x"), "text/x");
});
