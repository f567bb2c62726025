import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BakedImage, WrittenLayer } from "#app";
import { VarveError } from "#errors";
import { type Digest, MediaType } from "#oci";
import { bakedLine, bakedTable } from "../../../src/front/cli/bake-words.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as Digest;

const layer = (digit: string, size: number, outcome: WrittenLayer["outcome"]): WrittenLayer => ({
  ...{ mediaType: MediaType.ociLayerGzip, size, outcome, digest: digest(digit), components: [] },
});

function image(target: string, destination: string, layers: readonly WrittenLayer[]): BakedImage {
  const place = { destination, names: [], digest: digest("a"), config: digest("c"), layers };
  const built = { digest: digest("a"), places: [place] };
  return { target, built, error: undefined, milliseconds: 1500 } as unknown as BakedImage;
}

const SHARED = layer("1", 2_000_000, "written");

describe("what is said of many images", () => {
  it("is that bytes were sent to a registry, and how many of all", () => {
    const api = image("api", "127.0.0.1:5000/api:1", [SHARED, layer("2", 1_000, "written")]);
    const web = image("web", "127.0.0.1:5000/web:1", [{ ...SHARED, outcome: "mounted" }]);
    assert.equal(bakedLine(api, { done: 1, all: 10 }), "[ 1/10] api: 2.00 MB sent in 1.50 s");
    const [heading, ...rows] = bakedTable([api, web], 3);
    assert.match(heading!, /^IMAGE +LAYERS +SHARED +SENT +TIME +DIGEST$/);
    assert.match(rows[0]!, /^api +2 +1 +2\.00 MB +1\.50 s +sha256:a+$/);
    assert.equal(rows.at(-1), "2 images in 3.00 s: 2.00 MB sent of 4.00 MB");
  });

  it("is that they were written where they go to files", () => {
    const api = image("api", "oci:images:api", [SHARED]);
    assert.equal(bakedLine(api, { done: 1, all: 1 }), "[1/1] api: 2.00 MB written in 1.50 s");
    const lines = bakedTable([api], 3);
    assert.match(lines[0]!, / WRITTEN /);
    assert.equal(lines.at(-1), "1 image in 3.00 s: 2.00 MB written of 2.00 MB");
  });

  it("is why one failed, beside the others", () => {
    const failed = { target: "web", built: undefined, milliseconds: 10 } as const;
    const error = new VarveError("NOT_FOUND", "web has no such file");
    const web = { ...failed, error } as unknown as BakedImage;
    assert.equal(bakedLine(web, { done: 1, all: 1 }), "[1/1] web failed: web has no such file");
    const lines = bakedTable([image("api", "oci:images:api", [SHARED]), web], 3);
    assert.match(lines[2]!, /^web +failed$/);
    assert.match(lines.at(-1)!, /^1 image in /);
  });
});
