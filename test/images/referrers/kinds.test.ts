import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, digestOf, type Manifest, MediaType } from "#oci";
import { kindOf } from "../../../src/images/referrers/kinds.ts";

const BARE: Descriptor = { mediaType: MediaType.ociManifest, digest: digestOf(Buffer.from("x")), size: 1 };
const SLSA = "https://slsa.dev/provenance/v1";
const SPDX = "https://spdx.dev/Document";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

it("what hangs on an image is called by what it says, is, or is found at", () => {
  const of = (artifactType: string, annotations: Record<string, string> = {}) =>
    kindOf({ ...BARE, artifactType, annotations });
  assert.equal(of("application/vnd.cyclonedx+json"), "SBOM (CycloneDX)");
  assert.equal(of("application/spdx+json"), "SBOM (SPDX)");
  assert.equal(of("application/vnd.openvex+json"), "VEX (OpenVEX)");
  assert.equal(of("application/vnd.cncf.notary.signature"), "signature (Notary)");
  assert.equal(of("application/vnd.in-toto+json"), "attestation");
  assert.equal(of("application/vnd.in-toto+json", { "in-toto.io/predicate-type": SLSA }), "provenance");
  assert.equal(of(BUNDLE), "signature");
  const predicate = (type: string) => ({ "dev.sigstore.bundle.predicateType": type });
  assert.equal(of(BUNDLE, predicate("https://sigstore.dev/cosign/sign/v1")), "signature");
  assert.equal(of(BUNDLE, predicate(SLSA)), "provenance, signed");
  assert.equal(of("text/x-licence"), undefined);
  assert.equal(kindOf(BARE), undefined);
});

it("an attestation manifest is called by its statements, and what has a tag of cosign's by that", () => {
  const layer = { mediaType: "application/vnd.in-toto+json", digest: BARE.digest, size: 1 };
  const layers = [SPDX, SLSA, SLSA, "https://example.com/else"].map((type) => ({
    ...layer,
    annotations: { "in-toto.io/predicate-type": type },
  }));
  const manifest: Manifest = { schemaVersion: 2, config: layer, layers };
  assert.equal(kindOf(BARE, { manifest }), "SBOM (SPDX) and provenance");
  assert.equal(kindOf(BARE, { manifest: { ...manifest, layers: [layer] } }), "attestation");
  for (const [end, kind] of Object.entries({ sig: "signature", att: "attestation", sbom: "SBOM" }))
    assert.equal(kindOf(BARE, { tag: `sha256-${BARE.digest.slice(7)}.${end}` }), kind);
});
