/** oras sees and copies what varve attaches, and varve what oras does. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { attach, copyWithReferrers, readReferrer, referrers, referrerTree } from "#app";
import type { ReferrerNode } from "#referrers";
import { FakeRegistry, type ReferrersSupport } from "#testing";
import { mustRun } from "../support/process.ts";
import { artifact, machineFor, writeIndex } from "../support/referrers.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { peer } from "./support/peers.ts";

const LICENCE = "text/x-licence";

/** A place as varve and as oras call it. */
interface Place {
  readonly ref: string;
  readonly name: string;
  readonly isLayout: boolean;
}

type NewPlace = (t: TestContext) => Promise<Place>;

const registryPlace =
  (support: ReferrersSupport): NewPlace =>
  async (t) => {
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    registry.referrers = support;
    const name = `${registry.host}/app:1`;
    return { ref: `docker://${name}`, name, isLayout: false };
  };

const PLACES: Readonly<Record<string, NewPlace>> = {
  "a registry": registryPlace({ page: 2 }),
  "a registry without the API": registryPlace({ api: false }),
  "a layout": async (t) => {
    const name = `${await temporaryFolder(t)}/layout:1`;
    return { ref: `oci:${name}`, name, isLayout: true };
  },
};

/** What oras sees on an image, by digest and type. */
async function discovered({ name, isLayout }: Place): Promise<unknown[]> {
  const where = isLayout ? "--oci-layout" : "--plain-http";
  const out = await mustRun([peer("oras"), "discover", where, "--format", "json", name]);
  const { referrers: found } = JSON.parse(out) as {
    referrers: { digest: string; artifactType: string; annotations?: Record<string, string> }[];
  };
  return found.map(({ digest, artifactType, annotations = {} }) => [digest, artifactType, annotations]);
}

const byDigest = ([a]: [string], [b]: [string]) => (a < b ? -1 : 1);
const sorted = (list: unknown[]) => (list as [string][]).sort(byDigest);

/** All digests of a tree, each with what it hangs on. */
function edges({ descriptor, children }: ReferrerNode): string[] {
  return children
    .flatMap((child) => [`${descriptor.digest} ${child.descriptor.digest}`, ...edges(child)])
    .sort();
}

for (const [kind, newPlace] of Object.entries(PLACES)) {
  describe(`what hangs on images in ${kind}`, () => {
    it("is seen by oras as varve attached it, and by varve as oras did", async (t) => {
      const options = { machine: machineFor(t) };
      const place = await newPlace(t);
      const { ref, name, isLayout } = place;
      await writeIndex(ref, options.machine);
      for (const number of ["1", "2", "3"]) await attach(ref, artifact(number, { number }), options);
      const mine = await referrers(ref, {}, options);
      assert.deepEqual(
        sorted(await discovered(place)),
        sorted(mine.map(({ digest, artifactType, annotations }) => [digest, artifactType, annotations])),
      );

      const folder = await temporaryFolder(t);
      writeFileSync(`${folder}/LICENCE`, "do what you like");
      const where = isLayout ? "--oci-layout" : "--plain-http";
      const typed = ["--artifact-type", LICENCE, "--annotation", "a=b"];
      await mustRun([peer("oras"), "attach", where, ...typed, name, "LICENCE:text/plain"], { cwd: folder });
      const [theirs, ...more] = await referrers(ref, { artifactType: LICENCE }, options);
      assert.deepEqual(more, []);
      assert.equal(theirs?.annotations?.["a"], "b");
      const { blobs } = await readReferrer(ref, theirs, options);
      assert.equal(Buffer.from(blobs[0]!.bytes).toString(), "do what you like");
      assert.equal(blobs[0]!.mediaType, "text/plain");
      // Neither has lost what the other wrote, whoever is the last.
      await attach(ref, artifact("4"), options);
      assert.equal((await referrers(ref, {}, options)).length, 5);
      assert.equal((await discovered(place)).length, 5);
    });

    it("is copied by oras, and by varve, all of it", async (t) => {
      const options = { machine: machineFor(t) };
      const place = await newPlace(t);
      const { ref } = place;
      await writeIndex(ref, options.machine);
      await attach(ref, { ...artifact("arm"), platform: "linux/arm64" }, options);
      const folder = await temporaryFolder(t);
      writeFileSync(`${folder}/note`, "note");
      const sbom = await attach(ref, artifact("index"), options);
      const where = place.isLayout ? "--oci-layout" : "--plain-http";
      const onSbom = place.name.replace(/:1$/, `@${sbom.digest}`);
      await mustRun([peer("oras"), "attach", where, "--artifact-type", LICENCE, onSbom, "note:text/plain"], {
        cwd: folder,
      });
      const { tree } = await referrerTree(ref, options);
      assert.equal(edges(tree).length, 5);
      for (const [to, newDestination] of Object.entries(PLACES)) {
        const copied = await newDestination(t);
        await copyWithReferrers(ref, copied.ref, options);
        assert.equal((await discovered(copied)).length, 1, `varve to ${to}`);
        const byOras = await newDestination(t);
        const from = place.isLayout ? "--from-oci-layout" : "--from-plain-http";
        const into = byOras.isLayout ? "--to-oci-layout" : "--to-plain-http";
        await mustRun([peer("oras"), "cp", "-r", from, into, place.name, byOras.name]);
        assert.deepEqual(edges((await referrerTree(byOras.ref, options)).tree), edges(tree), `oras to ${to}`);
        // What varve copied oras copies on.
        const again = await newDestination(t);
        const own = copied.isLayout ? "--from-oci-layout" : "--from-plain-http";
        const next = again.isLayout ? "--to-oci-layout" : "--to-plain-http";
        await mustRun([peer("oras"), "cp", "-r", own, next, copied.name, again.name]);
        assert.deepEqual(edges((await referrerTree(again.ref, options)).tree), edges(tree), `both to ${to}`);
      }
    });
  });
}
