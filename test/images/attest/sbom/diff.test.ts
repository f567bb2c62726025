import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BomPart, comparePackages, cyclonedx, listedPackages, makeBom, readSbom, spdx } from "#attest";
import { parseDigest } from "#oci";

const digest = parseDigest(`sha256:${"a".repeat(64)}`, "a digest");
const bomOf = (parts: readonly BomPart[]) =>
  makeBom(parts, {
    subject: { name: "app", digest, config: digest, platform: "linux/amd64" },
    tool: { version: "1" },
  });

const npm = (name: string, version: string, licence?: string, place = name): BomPart => {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { id: place, type: "library", name, version, purl, licence };
};
const nix = (version: string, hash: string): BomPart => ({
  ...{ id: `nix ${hash}`, type: "library", name: "openssl", version },
  purl: `pkg:nix/openssl@${version}?output=bin&outputhash=${hash}`,
});

const BEFORE = bomOf([
  npm("@s/a", "1.0.0", "MIT"),
  npm("b", "1.0.0", "MIT"),
  npm("c", "1.0.0", "MIT"),
  npm("c", "2.0.0", "MIT", "c/c"),
  npm("same", "1.0.0"),
  nix("3.0", "aaaaaaaaaaaa"),
  { id: "os", type: "operating-system", name: "debian", version: "12" },
]);
const AFTER = bomOf([
  npm("@s/a", "1.1.0", "MIT"),
  npm("b", "1.0.0", "(MIT OR ISC)"),
  npm("c", "2.0.0", "MIT"),
  npm("d", "1.0.0", "ISC"),
  npm("same", "1.0.0", "MIT"),
  nix("3.0", "bbbbbbbbbbbb"),
  { id: "os", type: "operating-system", name: "debian", version: "13" },
]);

const EXPECTED = [
  "changed nix openssl-bin 3.0 (aaaaaaaa) > 3.0 (bbbbbbbb) ; ",
  "changed npm @s/a 1.0.0 > 1.1.0 ; MIT > MIT",
  "licence npm b 1.0.0 > 1.0.0 ; MIT > (MIT OR ISC)",
  "changed npm c 1.0.0,2.0.0 > 2.0.0 ; MIT > MIT",
  "came npm d  > 1.0.0 ; > ISC",
  "changed operating-system debian 12 > 13 ; ",
];

describe("two SBOMs", () => {
  it("are compared by packages, whichever formats they are in", () => {
    const forms = (bom: typeof BEFORE) => [
      listedPackages(bom.components),
      readSbom(cyclonedx(bom), "one")!,
      readSbom(spdx(bom), "one")!,
    ];
    for (const before of forms(BEFORE)) {
      for (const after of forms(AFTER)) {
        const found = comparePackages(before, after).map(({ change, type, name, from, to, licences }) => {
          const said = [licences.from, licences.to].map((list) => list.join(","));
          const shown = said.join("") === "" ? "" : said.join(" > ").trim();
          return `${change} ${type} ${name} ${from.join(",")} > ${to.join(",")} ; ${shown}`;
        });
        assert.deepEqual(found, EXPECTED);
      }
    }
    assert.deepEqual(comparePackages(forms(BEFORE)[0]!, forms(BEFORE)[2]!), []);
    assert.equal(
      comparePackages([], forms(BEFORE)[0]!).every(({ change }) => change === "came"),
      true,
    );
    assert.equal(
      comparePackages(forms(BEFORE)[0]!, []).every(({ change }) => change === "went"),
      true,
    );
  });

  it("are read when others wrote them, too", () => {
    const other = JSON.stringify({
      bomFormat: "CycloneDX",
      components: [
        { type: "file", name: "/etc/passwd" },
        {
          type: "library",
          name: "x",
          version: "1",
          purl: "no purl",
          components: [{ type: "library", name: "inner", purl: "pkg:npm/inner@2" }],
        },
        {
          type: "library",
          group: "g",
          name: "y",
          licenses: [{ license: { id: "MIT" } }, { license: { name: "Own" } }],
        },
      ],
    });
    assert.deepEqual(readSbom(Buffer.from(other), "other"), [
      { key: "library/x", name: "x", version: "1" },
      { key: "npm/inner", name: "inner", version: "2" },
      { key: "library/g/y", name: "g/y", version: "", licence: "MIT AND Own" },
    ]);
    assert.equal(readSbom(Buffer.from('{"name":"app"}'), "a spec"), undefined);
    assert.throws(() => readSbom(Buffer.from('{"spdxVersion":"SPDX-3.0"}'), "x.json"), {
      code: "USAGE",
      message: /x\.json is SPDX-3\.0/,
    });
  });
});
