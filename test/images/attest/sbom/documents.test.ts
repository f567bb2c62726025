import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type BomPart, type BomSubject, cyclonedx, makeBom, spdx } from "#attest";
import { parseDigest } from "#oci";
import { assertCyclonedx, assertSpdx } from "../support.ts";

const digest = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`, "a digest");
const tool = { version: "1.2.3" };
const subject: BomSubject = {
  name: "shop",
  digest: digest("a"),
  config: digest("b"),
  platform: "linux/amd64",
  created: "2026-01-02T03:04:05.678Z",
};

const PARTS: readonly BomPart[] = [
  {
    id: ".",
    type: "application",
    name: "shop",
    version: "1.0.0",
    purl: "pkg:npm/shop@1.0.0",
    place: "/app",
    licence: "UNLICENSED",
    dependsOn: ["node_modules/@a/b", "node_modules/c", "node_modules/gone"],
  },
  {
    id: "node_modules/@a/b",
    type: "library",
    name: "@a/b",
    version: "2.0.0",
    purl: "pkg:npm/%40a/b@2.0.0",
    hashes: [
      { algorithm: "SHA-512", hex: "0f".repeat(64) },
      { algorithm: "SHA-1", hex: "0e".repeat(20) },
    ],
    licence: "(MIT OR Apache-2.0)",
    author: "A. Uthor <author@example.com> (https://example.com)",
    layer: digest("c"),
    place: "/app/node_modules/@a/b",
    dependsOn: ["node_modules/@a/b/node_modules/c"],
  },
  ...["node_modules/c", "node_modules/@a/b/node_modules/c"].map(
    (id): BomPart => ({
      ...{ id, type: "library", name: "c", version: "3.0.0", purl: "pkg:npm/c@3.0.0" },
      ...{ licence: "MIT", layer: digest("d"), place: `/app/${id}` },
    }),
  ),
  {
    id: "debian",
    type: "operating-system",
    name: "debian",
    version: "12",
    dependsOn: ["dpkg:libc6:amd64"],
  },
  {
    id: "dpkg:libc6:amd64",
    type: "library",
    name: "libc6",
    version: "2.36-9+deb12u10",
    purl: "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
    supplier: "GNU Libc Maintainers <debian-glibc@lists.debian.org>",
  },
];

const bom = (parts = PARTS) => makeBom(parts, { subject, tool });

describe("an SBOM", () => {
  it("is CycloneDX 1.6, with what each component is", async () => {
    const document = cyclonedx(bom());
    await assertCyclonedx(document);
    const value = JSON.parse(document.toString());
    // The name follows from the digest alone, as RFC 9562 has it.
    assert.match(
      value.serialNumber,
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.equal(value.metadata.component.version, subject.digest);
    assert.equal(value.metadata.timestamp, undefined);
    const [scoped] = value.components.filter(({ name }: { name: string }) => name === "b");
    assert.deepEqual(scoped, {
      "bom-ref": "pkg:npm/%40a/b@2.0.0",
      type: "library",
      authors: [{ name: "A. Uthor", email: "author@example.com" }],
      group: "@a",
      name: "b",
      version: "2.0.0",
      hashes: [
        { alg: "SHA-1", content: "0e".repeat(20) },
        { alg: "SHA-512", content: "0f".repeat(64) },
      ],
      licenses: [{ expression: "(MIT OR Apache-2.0)" }],
      purl: "pkg:npm/%40a/b@2.0.0",
      properties: [
        { name: "varve:layer", value: digest("c") },
        { name: "varve:path", value: "/app/node_modules/@a/b" },
      ],
    });
    const licences = value.components.map(({ licenses }: { licenses?: unknown }) => licenses);
    assert.deepEqual(licences.filter(Boolean).flat(), [
      { expression: "(MIT OR Apache-2.0)" },
      { license: { id: "MIT" } },
      { license: { id: "MIT" } },
      { license: { name: "UNLICENSED" } },
    ]);
    assert.deepEqual(value.dependencies[0].dependsOn, ["pkg:npm/shop@1.0.0", "varve:debian"]);
  });

  it("tells the same package in two places apart", () => {
    const value = JSON.parse(cyclonedx(bom()).toString());
    const twice = value.components.filter(({ name }: { name: string }) => name === "c");
    assert.deepEqual(
      twice.map((each: { "bom-ref": string; purl: string }) => [each["bom-ref"], each.purl]),
      [
        ["pkg:npm/c@3.0.0#node_modules/@a/b/node_modules/c", "pkg:npm/c@3.0.0"],
        ["pkg:npm/c@3.0.0#node_modules/c", "pkg:npm/c@3.0.0"],
      ],
    );
  });

  it("is SPDX 2.3, with the image's own time", () => {
    const document = spdx(bom());
    assertSpdx(document);
    const value = JSON.parse(document.toString());
    assert.equal(value.creationInfo.created, "2026-01-02T03:04:05Z");
    assert.deepEqual(value.creationInfo.creators, ["Tool: varve-1.2.3"]);
    assert.match(value.documentNamespace, /^https:\/\/varve\.dev\/spdx\/[0-9a-f-]{36}$/);
    const [scoped] = value.packages.filter(({ name }: { name: string }) => name === "@a/b");
    assert.equal(scoped.licenseDeclared, "(MIT OR Apache-2.0)");
    assert.equal(scoped.originator, "Person: A. Uthor (author@example.com)");
    assert.equal(scoped.sourceInfo, `layer ${digest("c")}; path /app/node_modules/@a/b`);
    assert.deepEqual(scoped.externalRefs, [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: "pkg:npm/%40a/b@2.0.0",
      },
    ]);
    // What isn't in SPDX's list of licences is one of the document's own.
    const [own] = value.hasExtractedLicensingInfos;
    assert.equal(own.extractedText, "UNLICENSED");
    const [project] = value.packages.filter(
      ({ name, SPDXID }: { name: string; SPDXID: string }) => name === "shop" && SPDXID !== "SPDXRef-Image",
    );
    assert.equal(project.licenseDeclared, own.licenseId);
  });

  it("has a time where the image has none, and where it is no time", () => {
    for (const created of [undefined, "yesterday"]) {
      const document = spdx(makeBom([], { subject: { ...subject, created }, tool }));
      assertSpdx(document);
      assert.equal(JSON.parse(document.toString()).creationInfo.created, "1970-01-01T00:00:00Z");
    }
  });

  it("is the same in whatever order its parts come, and valid whatever they say", async () => {
    const text = fc.string({ unit: "binary", maxLength: 30 });
    const said = fc.option(
      fc.oneof(
        text,
        fc.constantFrom(
          "MIT",
          "GPL-2.0+",
          "(MIT AND ISC)",
          "MIT OR",
          "<a@b> c",
          "a <a@b.c>",
          "b <b.b@c.de>",
          "a <a..b@c.de>",
          "a <@>",
        ),
      ),
      {
        nil: undefined,
      },
    );
    const ids = fc.constantFrom("a", "b", "c", "d/é", "\udc80", " ", "");
    const part = fc.record({
      id: ids,
      type: fc.constantFrom("library" as const, "application" as const, "operating-system" as const),
      name: fc.string({ minLength: 1 }),
      version: fc.string(),
      purl: fc.constantFrom("pkg:npm/a@1", "pkg:npm/%40a/b@2", undefined),
      licence: said,
      supplier: said,
      author: said,
      dependsOn: fc.array(ids),
    });
    const parts = fc.uniqueArray(part, { selector: ({ id }) => id });
    const shuffled = parts.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([one, other]) => {
        const [first, second] = [bom(one), bom(other)];
        assert.deepEqual(cyclonedx(first), cyclonedx(second));
        assert.deepEqual(spdx(first), spdx(second));
        await assertCyclonedx(cyclonedx(first));
        assertSpdx(spdx(first));
        // Everything is reached from the image.
        const reached = new Set<string>();
        const visit = (refs: readonly string[]): void => {
          for (const ref of refs) {
            if (reached.has(ref)) continue;
            reached.add(ref);
            visit(first.components.find((component) => component.ref === ref)!.dependsOn);
          }
        };
        visit(first.top);
        assert.equal(reached.size, first.components.length);
      }),
      { numRuns: 50 },
    );
  });
});
