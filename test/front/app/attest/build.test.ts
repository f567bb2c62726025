import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build, buildIndex, inspect, type Machine, readReferrer, referrers, sbom, thisMachine } from "#app";
import { FakeRegistry } from "#testing";
import { assertCyclonedx, assertSpdx } from "../../../images/attest/support.ts";
import { manifest, writeInstalled } from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const INTEGRITY = `sha512-${Buffer.alloc(64, 7).toString("base64")}`;

/** A project with one package in a Git repository, a registry, and a machine that builds for nobody that is known. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const project = join(folder, "project");
  writeInstalled(project, {
    files: {
      "package-lock.json": JSON.stringify({
        lockfileVersion: 3,
        packages: { "": {}, "node_modules/a": { version: "1.0.0", integrity: INTEGRITY } },
      }),
      ".gitignore": "node_modules\n",
    },
    packages: { ".": manifest("shop", "1.0.0", ["a"]), "node_modules/a": manifest("a", "1.0.0") },
  });
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const made = thisMachine({ cache: join(folder, "cache") });
  const machine: Machine = { ...made, base: "scratch", run: undefined };
  t.after(() => made[Symbol.asyncDispose]());
  return { folder, project, registry, machine, place: `docker://${registry.host}/shop:1` };
}

const git = (folder: string, ...args: string[]) =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
    cwd: folder,
    encoding: "utf8",
  });

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

const BOTH = ["cyclonedx", "spdx"] as const;

describe("a build that writes down what it makes", () => {
  it("attaches SBOMs and provenance to the image", async (t) => {
    const { project, machine, place } = await world(t);
    const told: string[] = [];
    const options = { machine, to: [place], check: false, sbom: BOTH, provenance: {} };
    const built = await build(project, { ...options, onWarning: (sentence) => void told.push(sentence) });
    const listed = await referrers(place, {}, { machine });
    assert.deepEqual(
      listed.map(({ artifactType, digest }) => [artifactType, digest]),
      built.attached.map(({ descriptor }) => [descriptor.artifactType, descriptor.digest]),
    );
    assert.deepEqual(
      listed.map(({ artifactType }) => artifactType),
      ["application/vnd.cyclonedx+json", "application/spdx+json", "application/vnd.in-toto+json"],
    );
    const [cyclonedx, spdx, provenance] = await Promise.all(
      listed.map(async (each) => (await readReferrer(place, each, { machine })).blobs[0]!.bytes),
    );
    await assertCyclonedx(cyclonedx!);
    assertSpdx(spdx!);
    // What a registry has is what the image says of itself, and the graph's hashes.
    const read = JSON.parse(text((await sbom(place, { machine })).bytes));
    const attached = JSON.parse(text(cyclonedx!));
    assert.equal(attached.serialNumber, read.serialNumber);
    assert.equal(attached.metadata.component.version, built.digest);
    const [component] = attached.components.filter(({ name }: { name: string }) => name === "a");
    assert.deepEqual(component.hashes, [{ alg: "SHA-512", content: "07".repeat(64) }]);
    const statement = JSON.parse(text(provenance!));
    assert.equal(statement.predicateType, "https://slsa.dev/provenance/v1");
    assert.deepEqual(statement.subject, [{ name: "shop", digest: { sha256: built.digest.slice(7) } }]);
    assert.deepEqual(told, []);
    // The same again is the same, and adds nothing.
    const again = await build(project, options);
    assert.deepEqual(again.documents, built.documents);
    assert.deepEqual(await referrers(place, {}, { machine }), listed);
  });

  it("says of which commit it is, and whether all of it was committed", async (t) => {
    const { folder, project, machine } = await world(t);
    git(project, "init", "-q", "-b", "main");
    git(project, "remote", "add", "origin", "https://user:secret@example.com/me/shop.git");
    git(project, "add", "-A");
    git(project, "commit", "-q", "-m", "one");
    const revision = git(project, "rev-parse", "HEAD").trim();
    const to = [`oci:${join(folder, "out")}:1`];
    const statementOf = async (more: Partial<Machine> = {}, builder?: string) => {
      const on = { ...machine, home: folder, ...more };
      const { documents } = await build(project, { machine: on, to, check: false, provenance: { builder } });
      const all = text(documents[0]!.bytes);
      assert.doesNotMatch(all, /secret/);
      assert.ok(!all.includes(folder), "no path of this machine");
      return JSON.parse(all).predicate;
    };
    const sourceOf = (predicate: { buildDefinition: { resolvedDependencies: { annotations?: object }[] } }) =>
      predicate.buildDefinition.resolvedDependencies[0];
    const clean = await statementOf();
    assert.deepEqual(sourceOf(clean), {
      uri: `git+https://example.com/me/shop@${revision}`,
      digest: { gitCommit: revision },
      annotations: { clean: true },
    });
    assert.equal(clean.runDetails.builder.id, "https://varve.dev/builder/unknown");
    assert.equal(clean.buildDefinition.externalParameters.spec.graph, ".");
    writeFileSync(join(project, "new.js"), "");
    assert.deepEqual(sourceOf(await statementOf())?.annotations, { clean: false });
    assert.deepEqual(sourceOf(await statementOf({ path: "" }))?.annotations, { clean: false });
    const run = {
      builder: "https://ci.example.com",
      invocation: "https://ci.example.com/1",
      parameters: { ref: "main" },
    };
    const known = await statementOf({ run });
    assert.equal(known.runDetails.builder.id, run.builder);
    assert.deepEqual(known.runDetails.metadata, { invocationId: run.invocation });
    assert.equal(
      (await statementOf({ run }, "https://me.example.com")).runDetails.builder.id,
      "https://me.example.com",
    );
  });

  it("tells where nothing can be attached", async (t) => {
    const { folder, project, machine } = await world(t);
    const told: string[] = [];
    const { attached, documents } = await build(project, {
      ...{
        machine,
        to: [join(folder, "app.tar"), `oci:${join(folder, "out")}`],
        check: false,
        sbom: ["spdx"],
      },
      onWarning: (sentence) => void told.push(sentence),
    });
    assert.equal(attached.length, 1);
    assert.equal(told.length, 1);
    assert.match(told[0]!, /nothing can hang on the image in docker-archive:.*app\.tar/);
    // An archive has the config only, by which the image is known.
    assert.equal(new Set(documents.map(({ subject }) => subject)).size, 2);
  });

  it("attaches to the image of each platform, and puts all into the index where that is wanted", async (t) => {
    const { project, machine, place } = await world(t);
    const platforms = ["linux/amd64", "linux/arm64"];
    const options = { machine, platforms, check: false, sbom: ["spdx"] as const, provenance: {} };
    const built = await buildIndex(project, { ...options, to: [place], attestIndex: true });
    for (const [at, platform] of platforms.entries()) {
      const listed = await referrers(place, {}, { machine, platform });
      assert.deepEqual(
        listed.map(({ digest }) => digest),
        built.images[at]!.attached.map(({ descriptor }) => descriptor.digest),
      );
    }
    const { documents } = await inspect(place, { machine });
    const index = JSON.parse(text(documents.index!)) as {
      manifests: Record<string, Record<string, string>>[];
    };
    const [one, other, ...entries] = index.manifests;
    assert.deepEqual(
      entries.map(({ platform, annotations }) => [platform, annotations]),
      [one, other].map((image) => [
        { os: "unknown", architecture: "unknown" },
        {
          "vnd.docker.reference.digest": image!["digest"],
          "vnd.docker.reference.type": "attestation-manifest",
        },
      ]),
    );
    const manifest = (await (
      await fetch(
        `${place.replace("docker:", "http:").replace("/shop:1", "/v2/shop")}/manifests/${entries[0]!["digest"]}`,
      )
    ).json()) as { layers: { mediaType: string; annotations: object }[] };
    assert.deepEqual(
      manifest.layers.map(({ mediaType, annotations }) => [mediaType, annotations]),
      ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"].map((type) => [
        "application/vnd.in-toto+json",
        { "in-toto.io/predicate-type": type },
      ]),
    );
    const failing = buildIndex(project, { ...options, to: ["oci-archive:out.tar"], attestIndex: true });
    await assert.rejects(failing, { code: "USAGE", message: /out\.tar takes no documents into an index/ });
  });

  it("reads what scripts and files have brought into the root, besides components", async (t) => {
    const { folder, machine } = await world(t);
    const root = join(folder, "root");
    mkdirSync(join(root, "opt/node_modules/tool"), { recursive: true });
    writeFileSync(join(root, "opt/node_modules/tool/package.json"), '{"name":"tool","version":"3.0.0"}');
    const spec = { name: "app", copyToRoot: root };
    const { documents } = await build(spec, {
      machine,
      to: [`oci:${join(folder, "out")}`],
      check: false,
      sbom: ["cyclonedx"],
    });
    const { components } = JSON.parse(text(documents[0]!.bytes));
    assert.deepEqual(
      components.map(({ purl }: { purl: string }) => purl),
      ["pkg:npm/tool@3.0.0"],
    );
  });
});
