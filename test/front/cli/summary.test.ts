import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BuiltIndex, LayerContents, Written, WrittenLayer } from "#app";
import { type Digest, MediaType } from "#oci";
import { duration } from "../../../src/front/cli/summary/duration.ts";
import { platformLayerLines, platformLines } from "../../../src/front/cli/summary/platforms.ts";
import {
  indexLines,
  layerLines,
  type Summarised,
  summaryLines,
} from "../../../src/front/cli/summary/summary.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as Digest;

type Row = readonly [
  kind: LayerContents["kind"],
  size: number,
  outcome: WrittenLayer["outcome"],
  names?: string,
];

const NODE: readonly Row[] = [
  ["base", 20_000_000, "mounted"],
  ["base", 1_000_000, "present"],
  ["dependencies", 500_000, "present", "express@5.1.0 qs@6.0.0"],
  ["dependencies", 12_000, "written", "bytes@3.1.2"],
  ["workspace", 3_000, "written", "@me/shared@1.0.0"],
  ["app", 2_000, "written", "api@1.0.0"],
  ["customisation", 100, "written"],
];

function image(
  rows: readonly Row[],
  destination: string,
  more: Partial<Summarised & Written> = {},
): Summarised {
  const { ports = [], base, ...place } = more;
  const contents = rows.map(([kind, , , names = ""]) => ({ kind, names: names.split(" ").filter(Boolean) }));
  const layers = rows.map(([, size, outcome], index): WrittenLayer => {
    const mediaType = MediaType.ociLayerGzip;
    return { mediaType, size, outcome, digest: digest(String(index)), components: contents[index]!.names };
  });
  const written = {
    destination,
    names: ["api:1.0.0"],
    digest: digest("a"),
    config: digest("c"),
    layers,
    ...place,
  };
  return { contents, base, ports, places: [written] };
}

describe("what is said of an image that was built", () => {
  it("is a table and four lines: what was sent of what, and what to do next", () => {
    const built = image(NODE, "127.0.0.1:5000/api:1.0.0", {
      base: "node:24-slim",
      ports: ["3000/tcp", "53/udp"],
    });
    assert.deepEqual(summaryLines(built, 1.2345), [
      "  app           2 layers              2.10 kB  sent",
      "  workspace      1 layer   1 package  3.00 kB  sent",
      "  dependencies  2 layers  3 packages   512 kB  12.0 kB sent, 500 kB already there",
      "  base          2 layers              21.0 MB  20.0 MB mounted, 1.00 MB already there (node:24-slim)",
      "Pushed 127.0.0.1:5000/api:1.0.0 in 1.23 s: 17.1 kB sent, 20.0 MB mounted, 1.50 MB already there (compressed)",
      `  ${digest("a")}`,
      "Next: docker run --rm -p 3000:3000 -p 53:53/udp 127.0.0.1:5000/api:1.0.0",
    ]);
  });

  it("has Nix's words for a graph of store paths, and packages of a project only", () => {
    const nix = image(
      [
        ["store paths", 30, "written", "glibc-2.40 bash-5.2"],
        ["customisation", 5, "written"],
      ],
      "oci:out:1",
    );
    assert.deepEqual(summaryLines(nix, 20), [
      "  store paths    1 layer  2 paths  30 B  written",
      "  customisation  1 layer            5 B  written",
      "Wrote api:1.0.0 to oci:out:1 in 20.0 s: 35 B written (compressed)",
      `  ${digest("a")}`,
      "Next: varve load oci:out:1",
    ]);
    assert.match(layerLines(nix)[0]!, /^LAYER {2}DIGEST {8}COMPRESSED +KIND +COMPONENTS$/);
    assert.match(layerLines(image(NODE, "x"))[0]!, /PACKAGES$/);
    assert.doesNotMatch(layerLines(image(NODE, "x")).join("\n"), /customisation/);
  });

  it("names every layer if asked to, from the bottom up", () => {
    const lines = layerLines(image(NODE, "x/api:1"));
    assert.deepEqual(
      [lines.length, lines[3], lines[7]],
      [
        8,
        `    3  ${"2".repeat(12)}      500 kB  already there  dependencies  express@5.1.0, qs@6.0.0`,
        `    7  ${"6".repeat(12)}       100 B  sent           app`,
      ],
    );
  });

  it("says it briefly for each of several places", () => {
    const [one, two] = [image(NODE, "one/api:1"), image(NODE, "docker-daemon:")];
    const plain = two.places[0]!.layers.map((layer) => ({
      ...layer,
      mediaType: MediaType.ociLayer,
      outcome: "written" as const,
    }));
    const places = [one.places[0]!, { ...two.places[0]!, layers: plain }];
    assert.deepEqual(summaryLines({ ...one, places }, 61).slice(4), [
      `Pushed one/api:1: 17.1 kB sent, 20.0 MB mounted, 1.50 MB already there (compressed), ${digest("a")}`,
      `Loaded api:1.0.0 into the Docker daemon: 21.5 MB sent (uncompressed), ${digest("a")}`,
      "Took 61.0 s",
    ]);
    assert.equal(layerLines({ ...one, places }).filter((line) => line.endsWith(":")).length, 2);
  });

  for (const [destination, next] of [
    ["docker-daemon:", "docker run --rm -p 80:80 api:1.0.0"],
    ["docker-daemon:other:2", "docker run --rm -p 80:80 other:2"],
    ["docker-archive:my image's.tar", String.raw`docker load -i 'my image'\''s.tar'`],
    ["oci-archive:a.tar:1", "varve load oci-archive:a.tar:1"],
    ["docker-archive:stdout", undefined],
  ] as const) {
    it(`names the next command for ${destination}`, () => {
      const last = summaryLines(image(NODE, destination, { ports: ["80"] }), 1).at(-1)!;
      assert.equal(last.startsWith("Next: ") ? last.slice(6) : undefined, next);
    });
  }

  it("promises no run of an image that needs a base", () => {
    for (const destination of ["127.0.0.1:5000/api:1.0.0", "docker-archive:a.tar", "oci:a"]) {
      const last = summaryLines({ ...image(NODE, destination), needsBase: true }, 1).at(-1)!;
      assert.equal(last, "Next: it needs a base to run: varve build --from IMAGE");
    }
    const toProgram = summaryLines({ ...image(NODE, "docker-archive:stdout"), needsBase: true }, 1);
    assert.ok(!toProgram.some((line) => line.startsWith("Next")));
  });

  it("has no table of an image that was copied", () => {
    const { places } = image(NODE, "x/api:1", { names: [] });
    assert.equal(summaryLines({ places }, 1).length, 3);
    const project = [{ ...places[0]!.layers[0]!, components: ["."] }];
    assert.match(
      layerLines({ places: [{ ...places[0]!, layers: project }] })[1]!,
      / mounted {2}the project$/,
    );
    assert.match(layerLines({ places })[3]!, / already there {2}express@5\.1\.0, qs@6\.0\.0$/);
    assert.deepEqual(
      indexLines({ destination: "oci:x", digest: digest("b"), images: places, manifests: [] }, 1),
      [
        "Wrote an index of 1 image to oci:x in 1.00 s: 17.1 kB written, 20.0 MB mounted, 1.50 MB already there (compressed)",
        `  ${digest("b")}`,
      ],
    );
  });
});

describe("what is said of images for several platforms", () => {
  const place = "127.0.0.1:5000/api:1.0.0";
  const built = (destinations: readonly string[]): BuiltIndex => {
    const images = ["linux/amd64", "linux/arm64"].map((platform, at) => {
      const rows = NODE.map(([kind, size, outcome, names = ""]): Row => {
        // All that isn't the base's is the same.
        return [kind, size, at === 1 && kind !== "base" ? "present" : outcome, names];
      });
      const { contents = [], places } = image(rows, "", { ports: ["3000/tcp"] });
      const written = destinations.map((destination) => ({
        ...places[0]!,
        destination,
        layers: places[0]!.layers.map((layer, index) =>
          index < 2 ? { ...layer, digest: digest(`${at}${index}`) } : layer,
        ),
      }));
      return {
        platform,
        digest: digest("a"),
        names: [],
        contents,
        base: "node",
        ports: ["3000/tcp"],
        places: written,
        ...{ documents: [], attached: [] },
      };
    });
    const places = destinations.map((destination, at) => ({
      ...{ destination, digest: digest("b"), manifests: [] },
      images: images.map(({ places }) => places[at]!),
    }));
    return { digest: digest("b"), places, images, signed: [] };
  };

  it("is a line for each, and as much as of one image", () => {
    assert.deepEqual(platformLines(built([place]), 1), [
      "  linux/amd64  7 layers  4 packages  21.5 MB  17.1 kB sent, 20.0 MB mounted, 1.50 MB already there",
      "  linux/arm64  7 layers  4 packages  21.5 MB  20.0 MB mounted, 1.52 MB already there",
      // What the second image has of the first one was sent.
      `Pushed an index of 2 images to ${place} in 1.00 s: 17.1 kB sent, 40.0 MB mounted, 2.50 MB already there (compressed)`,
      `  ${digest("b")}`,
      `Next: docker run --rm -p 3000:3000 ${place}`,
    ]);
  });

  it("promises no run of images that need a base", () => {
    const last = platformLines({ ...built([place]), needsBase: true }, 1).at(-1);
    assert.equal(last, "Next: it needs a base to run: varve build --from IMAGE");
  });

  it("is a line for each place, too, where there are several", () => {
    const lines = platformLines(built([place, "oci-archive:a.tar"]), 1);
    assert.equal(lines[0], "  linux/amd64  7 layers  4 packages  21.5 MB");
    assert.match(
      lines[3]!,
      /^Wrote an index of 2 images to oci-archive:a\.tar: 17\.1 kB written, .*, sha256:b/,
    );
    assert.equal(lines.at(-1), "Took 1.00 s");
    const layers = platformLayerLines(built([place]));
    assert.equal(layers.length, 2 * (1 + 8));
    assert.equal(layers[9], "linux/arm64:");
  });
});

it("says how long something took with as many digits as matter", () => {
  assert.deepEqual([0.014, 9.996, 99.94, 99.96, 3661].map(duration), [
    "0.01 s",
    "10.0 s",
    "99.9 s",
    "1 min 40 s",
    "61 min 1 s",
  ]);
});
