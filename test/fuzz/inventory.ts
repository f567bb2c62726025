/** Images whose packages say anything of themselves: what is written down of them is always a document, and the same one. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cyclonedx, inventoryParts, makeBom, readSbom, spdx } from "#attest";
import { digestOf } from "#oci";
import { layersInventory } from "#packages";
import { type MadeEntry, madeImage } from "#testing";
import { assertCyclonedx, assertSpdx } from "../images/attest/support.ts";
import { oddText } from "./random-json.ts";
import type { Target } from "./target.ts";

const said = fc.oneof(
  oddText,
  fc.constantFrom(
    "a",
    "a (1)",
    "a | b, c (>= 1)",
    "@s/a",
    "1:2-3",
    "MIT OR",
    "GPL-2+ or Expat",
    "A <a@example.com>",
  ),
);

const FIELDS = [
  ...[
    "Package",
    "Version",
    "Architecture",
    "Source",
    "Maintainer",
    "Depends",
    "Provides",
    "Status",
    "Format",
    "Files",
  ],
  ...[
    "License",
    "Name",
    "Requires-Dist",
    "Author",
    "Classifier",
    "P",
    "V",
    "A",
    "L",
    "D",
    "p",
    "o",
    "m",
    "F",
    "R",
  ],
];

const fields = fc
  .array(fc.tuple(fc.constantFrom(...FIELDS), said, fc.constantFrom("\n", "\n\n", "\n ")), { maxLength: 12 })
  .map((lines) => lines.map(([name, value, end]) => `${name}:${value}${end}`).join(""));

const values = fc.oneof(
  said,
  fc.constant(null),
  fc.dictionary(said, said, { maxKeys: 2 }),
  fc.array(said, { maxLength: 2 }),
);
const KEYS = ["name", "version", "license", "licenses", "author", "dependencies", "peerDependencies"];
const manifest = fc
  .dictionary(fc.constantFrom(...KEYS), values, { maxKeys: 6, noNullPrototype: true })
  .map((value) => JSON.stringify(value));

const PLACES = {
  "etc/os-release": fc.tuple(said, said).map(([id, version]) => `ID=${id}\nVERSION_ID="${version}"\n`),
  "var/lib/dpkg/status": fields,
  "var/lib/dpkg/status.d/a": fields,
  "usr/share/doc/a/copyright": fields.map((text) => `Format: copyright-format\n\n${text}`),
  "lib/apk/db/installed": fields,
  "d/a-1.dist-info/METADATA": fields,
  "d/b.egg-info": fields,
  "d/node_modules/a/package.json": manifest,
  "d/node_modules/@s/\udc80/package.json": manifest,
  "d/package.json": manifest,
} as const;

const files = fc.record(PLACES, { requiredKeys: [] });

async function check(found: Partial<Record<string, string>>): Promise<void> {
  const image = await madeImage([{ entries: found as Record<string, string | MadeEntry> }]);
  const layers = image.layers.map(({ diffId }) => diffId);
  const digest = digestOf(Buffer.from("image"));
  const subject = { name: "image", digest, config: digest, platform: "linux/amd64" };
  const write = async () => {
    const parts = inventoryParts(await layersInventory(image.layers), layers);
    const bom = makeBom(parts, { subject, tool: { version: "1" } });
    return [cyclonedx(bom), spdx(bom)] as const;
  };
  const [first, second] = [await write(), await write()];
  assert.deepEqual(first, second);
  await assertCyclonedx(first[0]);
  assertSpdx(first[1]);
  assert.equal(readSbom(first[0], "it")!.length, readSbom(first[1], "it")!.length);
}

export const inventory: Target = {
  name: "inventory",
  runs: 150,
  property: () => fc.asyncProperty(files, check),
};
