import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { graphParts } from "#attest";
import { type Component, makeGraph } from "#graph";
import { parseDigest } from "#oci";
import { integrityHashes, narHashes } from "../../../../src/images/attest/sbom/hashes.ts";
import { nixName } from "../../../../src/images/attest/sbom/nix-name.ts";
import { npmPurl, purlOf } from "../../../../src/images/attest/sbom/purl.ts";
import { namedUuid } from "../../../../src/images/attest/sbom/uuid.ts";

const LAYER = parseDigest(`sha256:${"1".repeat(64)}`, "a digest");

/** The SHA-256 of nothing, in Nix' forms. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("the facts of an SBOM", () => {
  it("are hashes as lock files have them", () => {
    const sha512 = Buffer.alloc(64, 1);
    const sha1 = Buffer.alloc(20, 2);
    assert.deepEqual(
      integrityHashes(`sha512-${sha512.toString("base64")} sha1-${sha1.toString("base64")}?opt`),
      [
        { algorithm: "SHA-512", hex: sha512.toString("hex") },
        { algorithm: "SHA-1", hex: sha1.toString("hex") },
      ],
    );
    for (const other of ["", "10c0/abcdef", "sha512-AAAA", "rot13-AAAA"])
      assert.deepEqual(integrityHashes(other), []);
  });

  it("are hashes as Nix has them", () => {
    const base64 = Buffer.from(EMPTY, "hex").toString("base64");
    const base32 = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    for (const hash of [`sha256:${EMPTY}`, `sha256:${base32}`, `sha256-${base64}`])
      assert.deepEqual(narHashes(hash), [{ algorithm: "SHA-256", hex: EMPTY }], hash);
    for (const other of ["", "sha256:", `sha256:${base32.replace("0", "e")}`, "md6:00"])
      assert.deepEqual(narHashes(other), []);
  });

  it("are UUIDs that follow from names, as RFC 9562 has them", () => {
    // The example of its appendix A.4 is in another namespace; this one is Python's uuid5(NAMESPACE_URL, …).
    assert.equal(namedUuid("http://www.example.com/"), "fcde3c85-2270-590f-9e7c-ee003d65e0e2");
  });

  it("are names, versions and outputs of store paths", () => {
    const hash = "0".repeat(32);
    const read = (name: string) => {
      const { name: own, version, output } = nixName(`/nix/store/${hash}-${name}`)!;
      return [own, version, output];
    };
    assert.deepEqual(read("openssl-3.0.13-bin"), ["openssl", "3.0.13", "bin"]);
    assert.deepEqual(read("python3.12-foo-1.0"), ["python3.12-foo", "1.0", undefined]);
    assert.deepEqual(read("glibc-2.39-52"), ["glibc", "2.39-52", undefined]);
    assert.deepEqual(read("bash-interactive"), ["bash-interactive", "", undefined]);
    assert.deepEqual(read("xgcc-13.2.0-libgcc"), ["xgcc", "13.2.0", "libgcc"]);
    assert.equal(nixName("/nix/store/short-a-1"), undefined);
  });

  it("are package URLs", () => {
    assert.equal(npmPurl("@types/node", "22.1.0"), "pkg:npm/%40types/node@22.1.0");
    assert.equal(npmPurl("express", ""), "pkg:npm/express");
    assert.equal(
      purlOf({
        type: "deb",
        namespace: "debian",
        name: "libstdc++6",
        version: "1:12.2.0-14",
        qualifiers: { arch: "amd64", distro: "debian-12", epoch: undefined },
      }),
      "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14?arch=amd64&distro=debian-12",
    );
    assert.equal(purlOf({ type: "npm", name: "", version: "1" }), undefined);
  });
});

describe("the components of a graph", () => {
  const parts = (components: Component[], kind: "npm" | "nix", app?: string) => {
    const graph = makeGraph(components, { kind, origin: "a test", app });
    const layers = new Map(components.filter(({ id }) => id !== "left").map(({ id }) => [id, LAYER]));
    return graphParts(graph, { layers, root: "/app" });
  };

  it("are Node packages with what lock file and package.json say, where they are in the image", () => {
    const integrity = `sha512-${Buffer.alloc(64).toString("base64")}`;
    const found = parts(
      [
        { id: ".", path: "/p", references: ["node_modules"], name: "shop", version: "1.0.0" },
        { id: "node_modules", path: "/p/node_modules", references: ["node_modules/.pnpm/@a+b@2.0.0"] },
        {
          ...{ id: "node_modules/.pnpm/@a+b@2.0.0", path: "/p/x", references: ["left"] },
          ...{ name: "@a/b", version: "2.0.0", integrity, license: "MIT", author: "A" },
        },
        { id: "left", path: "/p/left", references: [], name: "left", version: "1" },
      ],
      "npm",
    );
    assert.deepEqual(found, [
      {
        ...{ id: ".", type: "application", name: "shop", version: "1.0.0", purl: "pkg:npm/shop@1.0.0" },
        ...{ dependsOn: ["node_modules/.pnpm/@a+b@2.0.0"], place: "/app", layer: LAYER },
      },
      {
        ...{ id: "node_modules/.pnpm/@a+b@2.0.0", type: "library", name: "@a/b", version: "2.0.0" },
        ...{ purl: "pkg:npm/%40a/b@2.0.0", dependsOn: [], layer: LAYER },
        place: "/app/node_modules/.pnpm/@a+b@2.0.0/node_modules/@a/b",
        hashes: [{ algorithm: "SHA-512", hex: "00".repeat(64) }],
        ...{ licence: "MIT", author: "A" },
      },
    ]);
  });

  it("are a workspace's packages, but not its root where one of them was asked for", () => {
    const found = parts(
      [
        { id: ".", path: "/p", references: [], name: "root" },
        {
          id: "packages/a",
          path: "/p/packages/a",
          references: [".", "packages/b"],
          name: "a",
          version: "1.0.0",
        },
        { id: "packages/b", path: "/p/packages/b", references: [], name: "b", version: "1.0.0" },
      ],
      "npm",
      "packages/a",
    );
    assert.deepEqual(
      found.map(({ id, type, place, dependsOn }) => [id, type, place, dependsOn]),
      [
        ["packages/a", "application", "/app/packages/a", ["packages/b"]],
        ["packages/b", "application", "/app/packages/b", []],
      ],
    );
  });

  it("are store paths with their NARs' hashes", () => {
    const id = `/nix/store/${"a".repeat(32)}-openssl-3.0.13-bin`;
    const [part] = parts([{ id, path: id, references: [], narHash: `sha256:${EMPTY}` }], "nix");
    assert.deepEqual(part, {
      ...{ id, type: "library", name: "openssl", version: "3.0.13", place: id, dependsOn: [], layer: LAYER },
      purl: `pkg:nix/openssl@3.0.13?output=bin&outputhash=${"a".repeat(32)}`,
      hashes: [{ algorithm: "SHA-256", hex: EMPTY }],
      facts: { "nar-hash": `sha256:${EMPTY}` },
    });
  });
});
