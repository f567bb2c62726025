import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build, type SbomFormat, sbom, thisMachine } from "#app";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { madeImage } from "#testing";
import { writeImage } from "#write";
import { assertCyclonedx, assertSpdx } from "../../../images/attest/support.ts";
import { manifest, named, writeInstalled } from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const INTEGRITY = `sha512-${Buffer.alloc(64, 7).toString("base64")}`;

/** A project with packages, one of which is there twice, on a base with a package of Debian's and one of its own folder. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const base = await madeImage([
    {
      entries: {
        "etc/os-release": "ID=debian\nVERSION_ID=12\n",
        "var/lib/dpkg/status": "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n",
        "opt/node_modules/tool/package.json": JSON.stringify(manifest("tool", "9.0.0")),
      },
    },
  ]);
  await writeImage(draftOf(base), [ociLayoutSink({ path: join(folder, "base"), tag: "1" })]);
  const project = join(folder, "project");
  const installed = (name: string, version: string, needs: readonly string[] = []) => [
    { version, integrity: INTEGRITY, ...(needs.length > 0 && { dependencies: named(needs) }) },
    { ...manifest(name, version, needs), license: "MIT", author: "A <a@example.com>" },
  ];
  const packages = {
    "node_modules/a": installed("a", "1.0.0", ["c"]),
    "node_modules/a/node_modules/c": installed("c", "1.0.0"),
    "node_modules/@s/b": installed("@s/b", "2.0.0", ["c"]),
    "node_modules/c": installed("c", "1.0.0"),
  };
  const lock = JSON.stringify({
    lockfileVersion: 3,
    packages: {
      "": {},
      ...Object.fromEntries(Object.entries(packages).map(([key, [entry]]) => [key, entry])),
    },
  });
  writeInstalled(project, {
    files: { "package-lock.json": lock, "index.js": "" },
    packages: {
      ".": { ...manifest("shop", "1.0.0", ["a", "@s/b", "c"]), license: "UNLICENSED" },
      ...Object.fromEntries(Object.entries(packages).map(([key, [, own]]) => [key, own!])),
    },
  });
  const machine = thisMachine({ cache: join(folder, "cache") });
  t.after(() => machine[Symbol.asyncDispose]());
  const spec = { name: "shop", tag: "1", graph: project, fromImage: `oci:${join(folder, "base")}:1` };
  return { folder, machine, spec };
}

const parsed = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString());

type Component = Record<string, unknown> & { name: string; "bom-ref": string };

describe("an SBOM", () => {
  it("of a spec has what the graph knows, and what the base has", async (t) => {
    const { machine, spec } = await world(t);
    const found = await sbom(spec, { machine });
    await assertCyclonedx(found.bytes);
    const { components } = parsed(found.bytes) as { components: Component[] };
    assert.equal(found.components, components.length);
    assert.deepEqual(
      components.map((each) => each["bom-ref"]),
      [
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12",
        "pkg:npm/%40s/b@2.0.0",
        "pkg:npm/a@1.0.0",
        "pkg:npm/c@1.0.0#node_modules/a/node_modules/c",
        "pkg:npm/c@1.0.0#node_modules/c",
        "pkg:npm/shop@1.0.0",
        "pkg:npm/tool@9.0.0",
        "varve:os:debian",
      ],
    );
    const a = components.find(({ name }) => name === "a")!;
    assert.deepEqual(a["hashes"], [{ alg: "SHA-512", content: "07".repeat(64) }]);
    assert.deepEqual(a["licenses"], [{ license: { id: "MIT" } }]);
  });

  it("of an image in a place has the same components, licences and layers", async (t) => {
    const { folder, machine, spec } = await world(t);
    const layout = `oci:${join(folder, "out")}:1`;
    const { digest } = await build(spec, { machine, to: [layout, join(folder, "app.tar")], check: false });
    const facts = (bytes: Uint8Array) =>
      (parsed(bytes) as { components: Component[] }).components
        .map(({ purl, licenses, properties }) => ({ purl, licenses, properties }))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    const exact = await sbom(spec, { machine });
    const read = await sbom(layout, { machine });
    assert.equal(read.image, digest);
    assert.deepEqual(facts(read.bytes), facts(exact.bytes));
    const archive = await sbom(join(folder, "app.tar"), { machine });
    assert.deepEqual(facts(archive.bytes), facts(exact.bytes));
  });

  it("is the same with a cache and without one, in both formats", async (t) => {
    const { folder, machine, spec } = await world(t);
    const layout = `oci:${join(folder, "out")}:1`;
    await build(spec, { machine, to: [layout], check: false });
    for (const format of ["cyclonedx", "spdx"] satisfies SbomFormat[]) {
      await using fresh = thisMachine({ cache: false });
      const options = [machine, machine, fresh].map((each) => ({ machine: each, format }));
      const [first, ...others] = await Promise.all(
        options.map(async (each) => (await sbom(layout, each)).bytes),
      );
      if (format === "spdx") assertSpdx(first!);
      for (const other of others) assert.deepEqual(other, first);
    }
  });
});
