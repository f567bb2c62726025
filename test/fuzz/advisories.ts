/** Advisories, answers to them and SBOMs of any kind of damage: they are read, or refused with a sentence. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Audit, advisoriesIn, makeBom, readSbom, vexStatements } from "#attest";
import { digestOf } from "#oci";
import { oddText } from "./random-json.ts";
import type { Target } from "./target.ts";

const digest = digestOf(Buffer.from("image"));
const { components } = makeBom(
  [
    { id: "a", type: "library", name: "a", version: "1.0.0", purl: "pkg:npm/a@1.0.0" },
    {
      id: "b",
      type: "library",
      name: "b",
      version: "1:1-1",
      purl: "pkg:deb/debian/b@1:1-1?distro=debian-12",
    },
    {
      id: "c",
      type: "library",
      name: "c",
      version: "1.0-r0",
      purl: "pkg:apk/alpine/c@1.0-r0?distro=alpine-3.20.1",
    },
  ],
  {
    subject: { name: "image", digest, config: digest, platform: "linux/amd64" },
    tool: { version: "1" },
  },
);

const word = fc.oneof(
  oddText,
  fc.constantFrom(
    "npm",
    "Debian:12",
    "Alpine:v3.20",
    "a",
    "b",
    "c",
    "1.0.0",
    "1:1-1",
    "1.0-r0",
    "0",
    "~",
    "SEMVER",
  ),
  fc.constantFrom(
    "pkg:npm/a",
    "pkg:oci/x",
    "not_affected",
    "https://openvex.dev/ns",
    "CycloneDX",
    "SPDX-2.3",
    "modified",
  ),
);

const KEYS = [
  ...["id", "modified", "affected", "package", "ecosystem", "name", "versions", "ranges", "type", "events"],
  ...[
    "introduced",
    "fixed",
    "last_affected",
    "limit",
    "statements",
    "@context",
    "status",
    "vulnerability",
    "products",
  ],
  ...[
    "@id",
    "subcomponents",
    "bomFormat",
    "components",
    "purl",
    "version",
    "licenses",
    "license",
    "spdxVersion",
    "packages",
  ],
  ...["externalRefs", "referenceType", "referenceLocator"],
];

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    { weight: 2, arbitrary: word },
    { weight: 1, arbitrary: fc.constantFrom(null, 1, true) },
    {
      weight: 3,
      arbitrary: fc.dictionary(fc.constantFrom(...KEYS), tie("value"), { maxKeys: 6, noNullPrototype: true }),
    },
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
  ),
}));

const ranges = fc.array(
  fc.dictionary(fc.constantFrom("introduced", "fixed", "last_affected", "limit"), word, { maxKeys: 2 }),
  {
    maxLength: 5,
  },
);

/** One that is understood, about one of the components. */
const sound = fc
  .tuple(fc.constantFrom("npm a", "Debian:12 b", "Alpine:v3.20 c"), ranges)
  .map(([about, events]) => {
    const [ecosystem, name] = about.split(" ");
    return {
      id: "X",
      modified: "",
      affected: [{ package: { ecosystem, name }, ranges: [{ type: "ECOSYSTEM", events }] }],
    };
  });

function check(found: unknown): void {
  const vex = vexStatements(found) ?? [];
  const audit = new Audit(components, vex);
  for (const advisory of advisoriesIn(found) ?? []) audit.take(advisory);
  const first = audit.findings();
  assert.deepEqual(audit.findings(), first);
  try {
    readSbom(Buffer.from(JSON.stringify(found)), "it");
  } catch (error) {
    assert.equal((error as { code?: string }).code, "USAGE");
  }
}

export const advisories: Target = {
  name: "advisories",
  runs: 500,
  property: () => fc.property(fc.oneof(value, sound, fc.array(sound)), check),
};
