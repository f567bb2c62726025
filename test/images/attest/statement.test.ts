import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BUILD_TYPE, canonicalJson, PredicateType, provenance, statement } from "#attest";
import { makeGraph } from "#graph";
import { parseDigest } from "#oci";

const HEX = "a".repeat(64);
const digest = parseDigest(`sha256:${HEX}`, "a digest");

describe("a statement", () => {
  it("has one form only, whatever order its fields come in", () => {
    const bytes = statement({
      predicate: { b: [1, { d: undefined, c: "é" }], a: null, 10: true, 9: false },
      predicateType: PredicateType.provenance,
      subject: [{ digest, name: "docker.io/library/app" }],
    });
    assert.equal(
      bytes.toString(),
      `{"_type":"https://in-toto.io/Statement/v1","predicate":{"10":true,"9":false,"a":null,"b":[1,{"c":"é"}]},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"${HEX}"},"name":"docker.io/library/app"}]}`,
    );
  });

  it("is JSON", () => {
    const value = { text: 'a"\\\n\u2028', list: [undefined, []], nested: { "": {} } };
    assert.deepEqual(JSON.parse(canonicalJson(value).toString()), JSON.parse(JSON.stringify(value)));
  });
});

describe("provenance", () => {
  const run = { builder: "https://example.com/builder" };
  const integrity = (byte: number) => `sha512-${Buffer.alloc(64, byte).toString("base64")}`;

  it("resolves to what the lock file, the base and Git vouch for", () => {
    const graph = makeGraph(
      [
        { id: ".", path: "/p", references: [], name: "shop", version: "1.0.0" },
        {
          id: "node_modules/b",
          path: "/p/b",
          references: [],
          name: "@s/b",
          version: "1.0.0",
          integrity: integrity(1),
        },
        {
          id: "node_modules/a",
          path: "/p/a",
          references: [],
          name: "a",
          version: "2.0.0",
          integrity: integrity(2),
        },
        {
          id: "node_modules/b/node_modules/a",
          path: "/p/c",
          references: [],
          name: "a",
          version: "2.0.0",
          integrity: integrity(2),
        },
      ],
      { kind: "npm", origin: "a test" },
    );
    const found = provenance({
      parameters: { name: "shop" },
      platform: "linux/amd64",
      graph,
      base: { name: "docker.io/library/node:22-slim", digest },
      source: { repository: "https://example.com/shop", revision: "b".repeat(40), isClean: false },
      run: { ...run, invocation: "https://example.com/run/1", parameters: { ref: "main" } },
      version: "1.2.3",
    });
    assert.deepEqual(found, {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { spec: { name: "shop" }, platform: "linux/amd64" },
        internalParameters: { ref: "main" },
        resolvedDependencies: [
          {
            uri: `git+https://example.com/shop@${"b".repeat(40)}`,
            digest: { gitCommit: "b".repeat(40) },
            annotations: { clean: false },
          },
          {
            uri: `pkg:oci/node@sha256:${HEX}?repository_url=docker.io%2Flibrary%2Fnode`,
            digest: { sha256: HEX },
          },
          { uri: "pkg:npm/%40s/b@1.0.0", digest: { sha512: "01".repeat(64) } },
          { uri: "pkg:npm/a@2.0.0", digest: { sha512: "02".repeat(64) } },
        ],
      },
      runDetails: {
        builder: { id: "https://example.com/builder", version: { varve: "1.2.3" } },
        metadata: { invocationId: "https://example.com/run/1" },
      },
    });
  });

  it("resolves to NARs", () => {
    const id = `/nix/store/${"0".repeat(32)}-hello-2.12`;
    const graph = makeGraph([{ id, path: id, references: [], narHash: `sha256:${HEX}` }], {
      kind: "nix",
      origin: "a test",
    });
    const found = provenance({ parameters: {}, platform: "linux/amd64", graph, run, version: "1" });
    assert.deepEqual(
      (found as { buildDefinition: { resolvedDependencies: unknown } }).buildDefinition.resolvedDependencies,
      [{ uri: `pkg:nix/hello@2.12?outputhash=${"0".repeat(32)}`, digest: { sha256: HEX } }],
    );
  });
});
