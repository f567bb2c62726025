/** Images that are only taken if they are signed: bases, and what is copied. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { build, copy, copyWithReferrers, inspect, type Machine, openSource, sign, verify } from "#app";
import type { FakeRegistry } from "#testing";
import { layoutWithImage, registryWithImage, writeIndex } from "../../support/referrers.ts";
import { writeKeys } from "../../support/signing-keys.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const refused = (run: Promise<unknown>, wording: RegExp) =>
  assert.rejects(run, (error: Error & { code?: string }) => {
    assert.match(error.message, wording);
    assert.equal(error.code, "NOT_VERIFIED");
    return true;
  });

async function twoKeys(t: TestContext) {
  const folder = await temporaryFolder(t);
  return { folder, mine: writeKeys(folder), theirs: writeKeys(folder, { name: "their" }) };
}

/** Makes every request for what a tag means lead to another image after the first. */
function moveTagAfterFirst(registry: FakeRegistry, { tag, to }: { tag: string; to: string }): void {
  let asked = 0;
  registry.quirk = (request, _response, { method, path }) => {
    if (method !== "GET" || path !== `/v2/app/manifests/${tag}`) return false;
    if (asked++ === 0) registry.manifests.set(`app:${tag}`, registry.manifests.get(`app:${tag}`)!);
    else registry.manifests.set(`app:${tag}`, registry.manifests.get(to)!);
    assert.ok(request);
    return false;
  };
}

describe("a base whose signature is demanded", () => {
  const built = (base: string, key: string, machine: Machine, to: string) =>
    build({ name: "app", fromImage: { ref: base, verify: { key } } }, { machine, to: [to] });

  it("is taken if it has it, and is named as ever", async (t) => {
    const { mine, folder } = await twoKeys(t);
    const { ref, image, options } = await registryWithImage(t);
    const { machine } = options;
    await sign(ref, { ...options, key: mine.key });
    const signed = await built(ref, mine.pub, machine, `oci:${folder}/signed:1`);
    const plain = await build({ name: "app", fromImage: ref }, { machine, to: [`oci:${folder}/plain:1`] });
    assert.equal(signed.digest, plain.digest);
    const { documents } = await inspect(`oci:${folder}/signed:1`, options);
    const { annotations } = JSON.parse(Buffer.from(documents.manifest!).toString());
    assert.equal(annotations["org.opencontainers.image.base.digest"], image.digest);
    assert.match(annotations["org.opencontainers.image.base.name"], /^127\.0\.0\.1:\d+\/app:1$/);
  });

  it("is refused unsigned, and with another key's signature; nothing is written", async (t) => {
    const { mine, theirs, folder } = await twoKeys(t);
    const { ref, options } = await registryWithImage(t);
    const { machine } = options;
    await refused(built(ref, mine.pub, machine, `oci:${folder}/out:1`), /has no signature$/);
    await sign(ref, { ...options, key: theirs.key });
    await refused(
      built(ref, mine.pub, machine, `oci:${folder}/out:1`),
      /is signed with another key than .*my\.pub/,
    );
    await assert.rejects(inspect(`oci:${folder}/out:1`, options), { code: "NOT_FOUND" });
  });

  it("is fetched by the digest that was verified, whatever its tag means by then", async (t) => {
    const { mine, folder } = await twoKeys(t);
    const { ref, registry, image, options } = await registryWithImage(t);
    await sign(ref, { ...options, key: mine.key });
    const { images } = await writeIndex(`docker://${registry.host}/app:2`, options.machine);
    moveTagAfterFirst(registry, { tag: "1", to: `app:${images[0]!.digest}` });
    await built(ref, mine.pub, options.machine, `oci:${folder}/out:1`);
    const { documents } = await inspect(`oci:${folder}/out:1`, options);
    const { annotations } = JSON.parse(Buffer.from(documents.manifest!).toString());
    assert.equal(annotations["org.opencontainers.image.base.digest"], image.digest);
  });

  it("may be of several platforms, signed as a whole or each by itself", async (t) => {
    const { mine, theirs, folder } = await twoKeys(t);
    const { registry, options } = await registryWithImage(t);
    const ref = `docker://${registry.host}/both:1`;
    const { images } = await writeIndex(ref, options.machine);
    await sign(ref, { ...options, key: mine.key });
    await built(ref, mine.pub, options.machine, `oci:${folder}/whole:1`);
    for (const { digest } of images) {
      await sign(`docker://${registry.host}/both@${digest}`, { ...options, key: theirs.key });
    }
    await built(ref, theirs.pub, options.machine, `oci:${folder}/each:1`);
  });

  it("may be in a layout, and not where nothing hangs on images", async (t) => {
    const { mine, folder } = await twoKeys(t);
    const { path, options } = await layoutWithImage(t);
    const ref = `oci:${path}:1`;
    await refused(built(ref, mine.pub, options.machine, `oci:${folder}/out:1`), /has no signature$/);
    await sign(ref, { ...options, key: mine.key });
    await built(ref, mine.pub, options.machine, `oci:${folder}/out:1`);
    await copy(ref, `docker-archive:${folder}/base.tar`, options);
    await assert.rejects(
      built(`docker-archive:${folder}/base.tar`, mine.pub, options.machine, `oci:${folder}/out:2`),
      {
        code: "USAGE",
        message: /^nothing can be attached to an image in docker-archive:/,
      },
    );
  });

  it("is named in a spec's file with its key beside it", async (t) => {
    const { folder, mine } = await twoKeys(t);
    const { ref, options } = await registryWithImage(t);
    await sign(ref, { ...options, key: mine.key });
    const write = (fromImage: unknown) =>
      writeFileSync(`${folder}/spec.json`, JSON.stringify({ name: "app", fromImage }));
    write({ ref, verify: { key: "my.pub" } });
    await build(`${folder}/spec.json`, { ...options, to: [`oci:${folder}/out:1`] });
    const invalid = async (fromImage: unknown, wording: RegExp) => {
      write(fromImage);
      await assert.rejects(openSource(`${folder}/spec.json`, options), (error: Error & { code?: string }) => {
        assert.equal(error.code, "INVALID_SPEC");
        assert.match(error.message, wording);
        return true;
      });
    };
    await invalid(
      { ref, verify: { kye: "my.pub" } },
      /at fromImage\.verify: it has no field "kye"; did you mean "key"\?$/,
    );
    await invalid({ verify: {} }, /at fromImage: must be a place, or an object with ref/);
    await invalid(["a"], /at fromImage: must be a place, or an object with ref, a place, and verify$/);
  });
});

describe("what is copied", () => {
  it("must be signed if that is demanded, and is then what was verified", async (t) => {
    const { mine, theirs, folder } = await twoKeys(t);
    const { ref, registry, image, options } = await registryWithImage(t);
    const to = `oci:${folder}/copied:1`;
    const demand = { ...options, verify: { key: mine.pub } };
    await refused(copy(ref, to, demand), /has no signature$/);
    await sign(ref, { ...options, key: theirs.key });
    await refused(copy(ref, to, demand), /is signed with another key/);
    await assert.rejects(inspect(to, options), { code: "NOT_FOUND" });
    await sign(ref, { ...options, key: mine.key });
    const { images } = await writeIndex(`docker://${registry.host}/app:2`, options.machine);
    moveTagAfterFirst(registry, { tag: "1", to: `app:${images[0]!.digest}` });
    const [written] = await copy(ref, to, demand);
    assert.equal(written!.digest, image.digest);
  });

  it("takes its signatures along", async (t) => {
    const { mine, theirs, folder } = await twoKeys(t);
    const { ref, options } = await registryWithImage(t);
    const to = `oci:${folder}/copied:1`;
    await refused(copyWithReferrers(ref, to, { ...options, verify: { key: mine.pub } }), /has no signature$/);
    await sign(ref, { ...options, key: mine.key });
    await refused(copyWithReferrers(ref, to, { ...options, verify: { key: theirs.pub } }), /another key/);
    await copyWithReferrers(ref, to, { ...options, verify: { key: mine.pub } });
    await verify(to, { ...options, key: mine.pub });
  });
});
