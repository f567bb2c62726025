/** The OCI distribution specification's own conformance suite, against varve's two registries. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { run } from "../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../support/tmp.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { type Service, startService } from "../system/support/service.ts";
import { peer } from "./support/peers.ts";

/** Runs the suite, which must not fail; what it says of each of the protocol's parts. */
async function conformance(scope: Scope, host: string, settings: Record<string, string>) {
  const folder = await temporaryFolder(scope);
  const { stdout, stderr } = await run([peer("conformance")], {
    cwd: folder,
    env: { OCI_RESULTS_DIR: folder, OCI_REGISTRY: host, OCI_TLS: "disabled", ...settings },
  });
  const report = `${stdout}${stderr}`;
  // Of a registry that can only be read the suite prints this, and then fails over its own files.
  assert.match(report, /^OCI Conformance Result: Pass$/m, report);
  const lines = [...report.matchAll(/^ {2}([A-Z][\w ]+?)\.*: +(\w+)$/gm)];
  return {
    report,
    of: (result: string) => lines.filter((line) => line[2] === result).map((line) => line[1]),
  };
}

it("the registry of varve/testing passes the whole suite", async (t) => {
  await using registry = await new FakeRegistry().start();
  const { report, of } = await conformance(stacked(t), registry.host, {
    OCI_API_BLOBS_DIGEST_HEADER: "true",
    OCI_API_BLOBS_UPLOAD_CANCEL: "true",
    OCI_API_MANIFESTS_DIGEST_HEADER: "true",
    OCI_DATA_SPARSE: "true",
  });
  assert.deepEqual(of("FAIL"), []);
  assert.deepEqual(of("Skip"), [], report);
  // A draft of what comes after version 1.1.
  const draft = ["Manifest put with tag params", "Tag Param", "Tag Param sha512"];
  assert.deepEqual(of("Disabled"), draft);
  assert.ok(of("Pass").length > 40, report);
});

describe("varve serve passes the suite's part about pulling", () => {
  const scope = stacked({ after });
  let images: Images;
  let service: Service;
  let host: string;

  before(async () => {
    images = await startImages(scope);
    const spec = await images.spec({ name: "app", sizes: [1000, 2000] });
    await images.varve(["build", spec, "-q", "-o", `oci:${images.folder}/layout:1`]);
    const { command, env } = images.command([
      ...[
        "serve",
        "--listen",
        "0",
        spec,
        `oci:${images.folder}/layout:1`,
        "--cache-dir",
        `${images.folder}/cache`,
      ],
    ]);
    service = await startService({
      ...{ command, env, logFile: `${images.folder}/log` },
      ready: (log) => log.includes("Try:"),
    });
    scope.after(() => service.stop());
    host = /Listening on localhost:(\d+)/.exec(service.log())![1]!;
    host = `127.0.0.1:${host}`;
  });

  for (const repository of ["app", "layout"]) {
    it(`of ${repository === "app" ? "an image that is made" : "an image that is there"}`, async (t) => {
      const { digest = "", config, layers } = await images.inspect(`docker://${host}/${repository}:latest`);
      const off = [
        ...["PUSH", "BLOBS_DELETE", "MANIFESTS_DELETE", "TAGS_DELETE", "BLOBS_ATOMIC", "MANIFESTS_ATOMIC"],
        "TAGS_ATOMIC",
      ];
      const { report, of } = await conformance(stacked(t), host, {
        ...Object.fromEntries(off.map((name) => [`OCI_API_${name}`, "false"])),
        OCI_REPO1: repository,
        OCI_API_BLOBS_DIGEST_HEADER: "true",
        OCI_RO_DATA_TAGS: "1 latest",
        OCI_RO_DATA_MANIFESTS: digest,
        OCI_RO_DATA_BLOBS: [config, ...layers.map((layer) => layer.digest)].join(" "),
        OCI_RO_DATA_REFERRERS: digest,
      });
      assert.deepEqual(of("FAIL"), []);
      const pulling = [
        ...["Tag listing", "Blob get", "Blob head", "Manifest get by digest"],
        ...["Manifest get by tag", "Manifest head by digest", "Manifest head by tag", "Referrers", "Ping"],
      ];
      for (const part of pulling) assert.ok(of("Pass").includes(part), `${part}\n${report}`);
    });
  }
});
