/** syft and trivy read varve's SBOMs, and syft finds no package in an image that they lack. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { debianFacts } from "../system/support/debian-facts.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { npmFixture } from "../system/support/npm-fixture.ts";
import { peer } from "./support/peers.ts";

interface Scan {
  readonly artifacts: readonly {
    readonly name: string;
    readonly version: string;
    readonly type: string;
    readonly purl: string;
    readonly locations: readonly { readonly path: string }[];
  }[];
}

const ENV = { SYFT_CHECK_FOR_APP_UPDATE: "false" };

/** Its own folder, or a package's; what else has a `package.json` is a part of one, such as its tests. */
const INSTALLED = /^(?:\/app|(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/;

describe("an SBOM", { skip: requires("npm", "debianPackages") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let layout: string;
  let registry: FakeRegistry;
  let own: { components: { name: string; group?: string; version: string; purl?: string }[] };

  before(async () => {
    images = await startImages(scope);
    const base = join(images.folder, "base.json");
    writeFileSync(base, JSON.stringify({ name: "base", copyToRoot: [await debianFacts(scope)] }));
    await images.varve(["build", base, "--quiet", "--no-check", "-o", `oci:${images.folder}/base:1`]);
    layout = join(images.folder, "layout");
    const project = await npmFixture("npm-small");
    const from = ["--from", `oci:${images.folder}/base:1`];
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    await images.varve([
      ...["build", project, ...from, "--quiet", "--no-check", "-o", `oci:${layout}:1`],
      ...["--push", `${registry.host}/app:1`, "--sbom", "cyclonedx,spdx", "--provenance"],
    ]);
    own = JSON.parse(await images.varve(["sbom", `oci:${layout}:1`]));
  });

  const syft = async (args: readonly string[]): Promise<Scan> =>
    JSON.parse(await mustRun([peer("syft"), ...args, "-q", "-o", "json"], { env: ENV, timeoutSeconds: 120 }));

  it("has all that syft finds in the image, under the same names", async () => {
    const { artifacts } = await syft(["scan", `oci-dir:${layout}`]);
    const installed = artifacts.filter(({ type, locations }) => {
      return type !== "npm" || locations.some(({ path }) => INSTALLED.test(path));
    });
    const known = new Set(own.components.map(({ purl }) => purl && plain(purl)));
    const missing = installed.filter(({ purl }) => !known.has(plain(purl)));
    assert.ok(installed.length > 300);
    assert.deepEqual(
      missing.map(({ purl }) => purl),
      [],
    );
    const theirs = new Set(installed.map(({ purl }) => plain(purl)));
    const more = own.components.filter(({ purl }) => purl !== undefined && !theirs.has(plain(purl)));
    assert.deepEqual(more, []);
  });

  for (const format of ["cyclonedx", "spdx"]) {
    it(`is read by syft as ${format}`, async () => {
      const file = join(images.folder, `${format}.json`);
      await images.varve(["sbom", `oci:${layout}:1`, "--format", format, "-o", file]);
      assert.ok(existsSync(file));
      const { artifacts } = await syft(["convert", file]);
      // In SPDX the system is a package to it.
      const packages = artifacts.filter(({ purl }) => purl !== "");
      const read = packages.map(({ name, version }) => `${name}@${version}`);
      const written = own.components
        .filter(({ purl }) => purl !== undefined)
        .map(({ group, name, version }) => `${group === undefined ? "" : `${group}/`}${name}@${version}`);
      assert.deepEqual(new Set(read), new Set(written));
    });
  }

  /** What trivy says without its database, which it would fetch. */
  async function trivy(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const common = ["--scanners", "license", "--list-all-pkgs", "--format", "json", "--offline-scan"];
    const folders = ["--cache-dir", join(images.folder, "trivy"), "--skip-version-check"];
    const { code, stdout, stderr } = await run([peer("trivy"), ...args, ...common, ...folders]);
    assert.equal(code, 0, stderr);
    return { stdout: stdout.toString(), stderr };
  }

  /** What it has read: the system, and packages by their package URLs. */
  function readBy(stdout: string) {
    const { Metadata, Results } = JSON.parse(stdout) as {
      Metadata: { OS: { Family: string; Name: string } };
      Results: { Packages?: { Identifier: { PURL: string } }[] }[];
    };
    const packages = Results.flatMap(({ Packages = [] }) =>
      Packages.map(({ Identifier }) => Identifier.PURL),
    );
    return {
      system: `${Metadata.OS.Family} ${Metadata.OS.Name}`,
      packages: new Set(packages.map(withoutQualifiers)),
    };
  }

  it("is read by trivy in both formats, with the system that packages are of", async () => {
    const written = new Set(own.components.flatMap(({ purl }) => (purl ? [withoutQualifiers(purl)] : [])));
    for (const format of ["cyclonedx", "spdx"]) {
      const file = join(images.folder, `trivy-${format}.json`);
      await images.varve(["sbom", `oci:${layout}:1`, "--format", format, "-o", file]);
      const { system, packages } = readBy((await trivy(["sbom", file])).stdout);
      assert.equal(system.split(" ")[0], "debian");
      assert.deepEqual(packages, written);
    }
  });

  it("is found by trivy where it hangs on the image", async () => {
    const place = `${registry.host}/app:1`;
    const args = ["image", place, "--insecure", "--image-src", "remote", "--sbom-sources", "oci"];
    const { stdout, stderr } = await trivy(args);
    assert.match(stderr, /Found SBOM in the OCI referrers\s+type="cyclonedx"/);
    assert.ok(readBy(stdout).packages.size > 300);
  });
});

/** A package URL in one form: what has to be escaped is a matter of taste in some places. */
function plain(purl: string): string {
  const [path = "", qualifiers = ""] = purl.split("?");
  return `${decodeURIComponent(path)}?${decodeURIComponent(qualifiers.split("&").sort().join("&"))}`;
}

/** Trivy writes some of them in its own way. */
function withoutQualifiers(purl: string): string {
  return plain(purl).split("?")[0]!;
}
