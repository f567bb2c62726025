import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Audit, advisoriesIn, type BomPart, makeBom, vexStatements } from "#attest";
import { parseDigest } from "#oci";
import {
  type CompareVersions,
  compareAlpine,
  compareDebian,
  compareSemver,
} from "../../../src/images/attest/audit/versions.ts";
import { run } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";

const digest = parseDigest(`sha256:${"a".repeat(64)}`, "a digest");

/** Fails unless a list is in order, each of it before all that follow; texts in one list are the same. */
function assertOrder(compare: CompareVersions, list: readonly (string | readonly string[])[]): void {
  const all = list.flatMap((each, rank) => [each].flat().map((version) => [version, rank] as const));
  for (const [a, rankA] of all) {
    for (const [b, rankB] of all) {
      assert.equal(Math.sign(compare(a, b)), Math.sign(rankA - rankB), `${a} and ${b}`);
    }
  }
}

/** From the oldest to the newest: deb-version(7) and dpkg's own tests. */
const DEBIAN: readonly (string | readonly string[])[] = [
  ...["1.0~~", "1.0~~a", "1.0~", "1.0~bpo", ["1.0", "0:1.0", "1.0-0", "1.00"], "1.0-0+deb12u1", "1.0-1"],
  ...[
    "1.0-1+b1",
    "1.0-1.1",
    "1.0-10",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0.1-1",
    "1.2-1-1",
    "1.10-1",
    "9:0",
    "10:0~",
  ],
];

describe("versions", () => {
  it("are in npm's order", () => {
    assertOrder(compareSemver, [
      ...["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"],
      ...[
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        ["1.0.0", "v1.0.0", "1.0.0+build", "1.0"],
        "1.0.1",
        "1.2.0",
        "1.10.0",
      ],
    ]);
  });

  it("are in Debian's order", () => {
    assertOrder(compareDebian, DEBIAN);
  });

  it("are in the order that dpkg has them in", { skip: requires("debianPackages") }, async () => {
    const all = DEBIAN.flat();
    const pairs = all.slice(1).map((version, at) => [all[at]!, version] as const);
    for (const [a, b] of pairs) {
      const { code } = await run(["dpkg", "--compare-versions", a, "lt", b]);
      assert.equal(code === 0, compareDebian(a, b) < 0, `${a} and ${b}`);
    }
  });

  it("are in Alpine's order", () => {
    assertOrder(compareAlpine, [
      ...[
        "none",
        "0.1",
        "1.0_alpha",
        "1.0_alpha2",
        "1.0_beta",
        "1.0_pre1",
        "1.0_rc",
        ["1.0", "1.0-r0"],
        "1.0-r1",
      ],
      ...[
        "1.0_git20260101",
        "1.0_p1",
        "1.0_p1-r2",
        "1.0a",
        "1.0b",
        "1.0.1",
        "1.01",
        "1.1",
        "1.2",
        "1.10",
        "2",
      ],
    ]);
  });
});

const PARTS: readonly BomPart[] = [
  { id: "a", type: "library", name: "a", version: "1.2.0", purl: "pkg:npm/a@1.2.0" },
  { id: "b/a", type: "library", name: "a", version: "2.0.0-rc.1", purl: "pkg:npm/a@2.0.0-rc.1" },
  { id: "s", type: "library", name: "@s/a", version: "1.0.0", purl: "pkg:npm/%40s/a@1.0.0" },
  {
    ...{ id: "dpkg:libc6", type: "library", name: "libc6", version: "2.36-9+deb12u10+b1" },
    purl: "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10%2Bb1?arch=amd64&distro=debian-12&upstream=glibc",
    facts: { source: "glibc", "source-version": "2.36-9+deb12u10" },
  },
  {
    ...{ id: "apk:musl", type: "library", name: "musl", version: "1.2.5-r0" },
    purl: "pkg:apk/alpine/musl@1.2.5-r0?distro=alpine-3.20.3",
  },
  { id: "py", type: "library", name: "Foo_Bar", version: "1.0", purl: "pkg:pypi/foo-bar@1.0" },
  { id: "none", type: "library", name: "none", version: "" },
];

const components = makeBom(PARTS, {
  subject: { name: "app", digest, config: digest, platform: "linux/amd64" },
  tool: { version: "1" },
}).components;

const affected = (ecosystem: string, name: string, ...events: object[]) => ({
  package: { ecosystem, name },
  ranges: [{ type: ecosystem === "npm" ? "SEMVER" : "ECOSYSTEM", events }],
});

const osv = (id: string, ...list: object[]) => ({ id, modified: "2026-01-01T00:00:00Z", affected: list });

/** Which components are affected by which advisory, and what mends them. */
function found(advisories: unknown, vex?: unknown) {
  const audit = new Audit(components, vex === undefined ? [] : vexStatements(vex)!);
  for (const advisory of advisoriesIn(advisories)!) audit.take(advisory);
  return audit
    .findings()
    .map(({ advisory, component, fixed, answer }) =>
      [advisory.id, component.name, component.version, fixed, answer].filter(Boolean).join(" "),
    );
}

describe("an audit", () => {
  it("finds npm's packages in ranges", () => {
    const events = [
      { introduced: "0" },
      { fixed: "1.2.1" },
      { introduced: "2.0.0-beta" },
      { fixed: "2.0.0" },
    ];
    assert.deepEqual(found(osv("G-1", affected("npm", "a", ...events))), [
      "G-1 a 1.2.0 1.2.1",
      "G-1 a 2.0.0-rc.1 2.0.0",
    ]);
    assert.deepEqual(
      found([osv("G-2", affected("npm", "a", { introduced: "0" }, { last_affected: "1.2.0" }))]),
      ["G-2 a 1.2.0"],
    );
    assert.deepEqual(found(osv("G-3", affected("npm", "@s/a", { introduced: "1.0.0" }))), ["G-3 @s/a 1.0.0"]);
    for (const none of [
      affected("npm", "a", { introduced: "1.2.1" }, { fixed: "2.0.0-alpha" }),
      affected("npm", "s/a", { introduced: "0" }),
      affected("PyPI", "a", { introduced: "0" }),
    ]) {
      assert.deepEqual(found(osv("G-4", none)), []);
    }
  });

  it("finds versions that are listed, in any order of events, and nothing that was withdrawn", () => {
    const listed = { package: { ecosystem: "PyPI", name: "foo.bar" }, versions: ["0.9", "1.0"] };
    assert.deepEqual(found(osv("P-1", listed)), ["P-1 Foo_Bar 1.0"]);
    assert.deepEqual(found(osv("G-5", affected("npm", "@s/a", { fixed: "1.0.0" }, { introduced: "0" }))), []);
    assert.deepEqual(found({ ...osv("P-2", listed), withdrawn: "2026-01-02T00:00:00Z" }), []);
  });

  it("finds distributions' packages by what they are built from, of their release", () => {
    const glibc = (ecosystem: string, fixed: string) =>
      affected(ecosystem, "glibc", { introduced: "0" }, { fixed });
    assert.deepEqual(found(osv("D-1", glibc("Debian:12", "2.36-9+deb12u11"))), [
      "D-1 libc6 2.36-9+deb12u10+b1 2.36-9+deb12u11",
    ]);
    // A rebuilt package has its source's version.
    assert.deepEqual(found(osv("D-2", glibc("Debian:12", "2.36-9+deb12u10"))), []);
    assert.deepEqual(found(osv("D-3", glibc("Debian:11", "9:0"))), []);
    assert.deepEqual(found(osv("D-4", glibc("Debian", "9:0"))).length, 1);
    const musl = affected("Alpine:v3.20", "musl", { introduced: "0" }, { fixed: "1.2.5-r1" });
    assert.deepEqual(found(osv("A-1", musl)), ["A-1 musl 1.2.5-r0 1.2.5-r1"]);
    assert.deepEqual(found(osv("A-2", affected("Alpine:v3.2", "musl", { introduced: "0" }))), []);
  });

  it("is answered by OpenVEX", () => {
    const vex = (product: unknown, more: object = {}) => ({
      "@context": "https://openvex.dev/ns/v0.2.0",
      statements: [
        {
          vulnerability: { name: "CVE-2026-1" },
          products: [product],
          status: "not_affected",
          justification: "vulnerable_code_not_present",
          ...more,
        },
      ],
    });
    const advisory = { ...osv("G-1", affected("npm", "@s/a", { introduced: "0" })), aliases: ["CVE-2026-1"] };
    const answered = ["G-1 @s/a 1.0.0 vulnerable_code_not_present"];
    assert.deepEqual(found(advisory, vex({ "@id": "pkg:npm/%40s/a@1.0.0" })), answered);
    assert.deepEqual(found(advisory, vex("pkg:npm/%40s/a")), answered);
    const image = "pkg:oci/app@sha256%3Aabc";
    assert.deepEqual(found(advisory, vex({ "@id": image })), answered);
    assert.deepEqual(
      found(advisory, vex({ "@id": image, subcomponents: [{ "@id": "pkg:npm/%40s/a" }] })),
      answered,
    );
    for (const other of [
      vex({ "@id": image, subcomponents: [{ "@id": "pkg:npm/other" }] }),
      vex("pkg:npm/%40s/a@1.0.1"),
      vex("pkg:npm/%40s/a", { status: "under_investigation" }),
      vex("pkg:npm/%40s/a", { vulnerability: "CVE-2026-2" }),
    ]) {
      assert.deepEqual(found(advisory, other), ["G-1 @s/a 1.0.0"]);
    }
    assert.equal(vexStatements({ statements: [] }), undefined);
  });

  it("reads nothing that is no advisory", () => {
    for (const other of [{}, [], [{}], "x", { id: "x" }, null]) {
      assert.deepEqual(advisoriesIn(other), Array.isArray(other) && other.length === 0 ? [] : undefined);
    }
    assert.deepEqual(
      found({
        ...osv("X"),
        affected: [
          null,
          { package: 1 },
          {
            package: { ecosystem: "npm", name: "a" },
            ranges: [{ type: "GIT", events: [{ introduced: "0" }] }],
          },
        ],
      }),
      [],
    );
  });
});
