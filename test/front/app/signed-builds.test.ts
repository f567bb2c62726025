/** Images that are signed where they were built. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { bake, build, buildIndex, referrers, specSource, thisMachine, verify } from "#app";
import { checkSpecIn } from "#spec";
import { FakeRegistry } from "#testing";
import { writeKeys } from "../../support/signing-keys.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

async function setting(t: TestContext) {
  const scope = stacked(t);
  const folder = await temporaryFolder(scope);
  const registry = await new FakeRegistry().start();
  scope.after(() => registry.stop());
  const machine = thisMachine({ cache: false });
  scope.after(async () => machine[Symbol.asyncDispose]());
  return { folder, registry, machine, ...writeKeys(folder), ref: `docker://${registry.host}/app:1` };
}

const spec = { name: "app", tmp: true } as const;

describe("an image that is built", () => {
  it("is signed with what was written down of it, wherever that can hang", async (t) => {
    const { folder, machine, key, pub, ref } = await setting(t);
    const layout = `oci:${folder}/layout:1`;
    const warnings: string[] = [];
    const built = await build(spec, {
      ...{
        machine,
        to: [ref, layout, `docker-archive:${folder}/app.tar`],
        sbom: ["cyclonedx", "spdx"],
        provenance: {},
      },
      ...{ sign: { key, annotations: { by: "me" } }, onWarning: (sentence) => warnings.push(sentence) },
    });
    for (const place of [ref, layout]) {
      const found = await verify(place, { machine, key: pub });
      assert.deepEqual(found.verified[0]!.annotations, { by: "me" });
      const bom = await verify(place, { machine, key: pub, type: "cyclonedx" });
      assert.equal((bom.verified[0]!.predicate as { bomFormat: string }).bomFormat, "CycloneDX");
      await verify(place, { machine, key: pub, type: "spdx" });
      const provenance = await verify(place, { machine, key: pub, type: "slsaprovenance1" });
      assert.ok("buildDefinition" in (provenance.verified[0]!.predicate as object));
    }
    const signed = built.attached.filter((each) => each.signed);
    assert.deepEqual(
      signed.map(({ kind }) => kind),
      ["cyclonedx", "spdx", "provenance", "signature", "cyclonedx", "spdx", "provenance", "signature"],
    );
    assert.ok(
      warnings.some((sentence) =>
        /^the image is signed, but not in docker-archive:.*app\.tar/.test(sentence),
      ),
    );
  });

  it("is signed alone if nothing else is asked for, and not at all unless that is", async (t) => {
    const { machine, key, ref } = await setting(t);
    await build(spec, { machine, to: [ref] });
    assert.equal((await referrers(ref, { artifactType: BUNDLE }, { machine })).length, 0);
    await build(spec, { machine, to: [ref], sign: { key } });
    assert.equal((await referrers(ref, { artifactType: BUNDLE }, { machine })).length, 1);
  });

  it("is signed and described as each of many that are built in one run", async (t) => {
    const { machine, key, pub, registry } = await setting(t);
    const targets = ["api", "web"].map((name) => ({
      name,
      open: async () => specSource(checkSpecIn(".", { ...spec, name, tag: "1" })),
    }));
    const to = [`docker://${registry.host}/{name}:{tag}`];
    const baked = await bake(targets, { machine, to, sbom: ["spdx"], provenance: {}, sign: { key } });
    for (const { target, built, error } of baked) {
      assert.equal(error, undefined);
      const place = `docker://${registry.host}/${target}:1`;
      const { digest } = await verify(place, { machine, key: pub });
      assert.equal(digest, built!.digest);
      for (const type of ["spdx", "slsaprovenance1"]) await verify(place, { machine, key: pub, type });
    }
  });

  it("isn't begun if it can't be signed", async (t) => {
    const { folder, machine, registry, ref, key } = await setting(t);
    const refused = async (to: string, own: string, code: string, message: RegExp) => {
      await assert.rejects(build(spec, { machine, to: [to], sign: { key: own } }), { code, message });
      assert.equal(registry.requests.length, 0);
    };
    await refused(ref, `${folder}/none.key`, "NOT_FOUND", /none\.key/);
    await refused(
      `docker-archive:${folder}/app.tar`,
      key,
      "USAGE",
      /^a signature hangs on an image, and nothing can/,
    );
  });

  it("of several platforms is signed as an index and each by itself", async (t) => {
    const { machine, key, pub, ref } = await setting(t);
    const platforms = ["linux/amd64", "linux/arm64"];
    const { digest, signed } = await buildIndex(spec, {
      ...{ machine, platforms, to: [ref], sign: { key }, sbom: ["cyclonedx"] },
    });
    assert.equal(signed.length, 5);
    assert.equal((await verify(ref, { machine, key: pub })).digest, digest);
    for (const platform of platforms) {
      await verify(ref, { machine, key: pub, platform });
      await verify(ref, { machine, key: pub, platform, type: "cyclonedx" });
    }
  });
});
