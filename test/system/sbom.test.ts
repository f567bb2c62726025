/** SBOMs of what other programs know exactly: npm, pnpm, dpkg and Nix list the same packages. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertCyclonedx, assertSpdx } from "../images/attest/support.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { debianFacts } from "./support/debian-facts.ts";
import { type Images, startImages } from "./support/images.ts";
import { startNix } from "./support/nix.ts";
import { npmFixture } from "./support/npm-fixture.ts";
import { managers, managersEnv, pnpm } from "./support/package-managers.ts";

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version?: string;
  readonly type: string;
  readonly purl?: string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

/** What a document lists, checked by the official schema. */
async function componentsIn(text: string): Promise<readonly Component[]> {
  await assertCyclonedx(Buffer.from(text));
  return (JSON.parse(text) as { components: readonly Component[] }).components;
}

const fullName = ({ group, name, version }: Component) =>
  `${group === undefined ? "" : `${group}/`}${name}@${version}`;

const placeOf = ({ properties }: Component) =>
  properties.find(({ name }) => name === "varve:path")?.value ?? "";

/** A project's image in a layout: what varve lists of the project, and of the image, which must be the same. */
async function projectComponents(images: Images, project: string): Promise<readonly Component[]> {
  const layout = `oci:${join(images.folder, "layout")}:1`;
  const env = { VARVE_BASE: "scratch" };
  await images.varve(["build", project, "--quiet", "--no-check", "-o", layout], { env });
  const exact = await componentsIn(await images.varve(["sbom", project], { env }));
  const read = await componentsIn(await images.varve(["sbom", layout]));
  const shown = (list: readonly Component[]) =>
    list.map((each) => `${fullName(each)} ${placeOf(each)}`).sort();
  assert.deepEqual(shown(read), shown(exact));
  assertSpdx(Buffer.from(await images.varve(["sbom", layout, "--format", "spdx"])));
  return exact;
}

describe("an SBOM", () => {
  const scope = stacked({ after });
  let images: Images;

  before(async () => {
    images = await startImages(scope);
  });

  it("has what npm lists, each where it is", { skip: requires("npm") }, async () => {
    const project = await npmFixture("npm-small");
    const listed = await mustRun(["npm", "ls", "--all", "--parseable", "--omit", "dev"], { cwd: project });
    const places = listed
      .trim()
      .split("\n")
      .map((path) => path.replace(project, "/app"));
    const components = await projectComponents(images, project);
    assert.ok(places.length > 100);
    assert.deepEqual(components.map(placeOf).sort(), places.sort());
  });

  it("has what pnpm lists", { skip: requires("npm") }, async (t) => {
    const [folder, tools] = [await temporaryFolder(t), await managers()];
    const dependencies = { express: "5.1.0", "@fastify/static": "8.2.0", debug: "2.6.9" };
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: "shop", version: "1.0.0", dependencies }),
    );
    writeFileSync(join(folder, "index.js"), "");
    const env = managersEnv(await temporaryFolder(t), { isYarn1: false });
    await mustRun(pnpm().command(tools), { cwd: folder, env, timeoutSeconds: 300 });
    const [command, script] = pnpm().command(tools);
    const list = [command, script!, "ls", "--depth", "Infinity", "--json", "--prod"] as const;
    const [root] = JSON.parse(await mustRun(list, { cwd: folder, env })) as [PnpmPackage];
    const names = new Set(["shop@1.0.0"]);
    const visit = ({ dependencies = {} }: PnpmPackage): void => {
      for (const [name, needed] of Object.entries(dependencies)) {
        names.add(`${name}@${needed.version}`);
        visit(needed);
      }
    };
    visit(root);
    const components = await projectComponents(images, folder);
    assert.ok(names.size > 60);
    assert.deepEqual(components.map(fullName).sort(), [...names].sort());
  });

  it("has what dpkg lists, with licences, of this machine's packages", {
    skip: requires("debianPackages"),
  }, async (t) => {
    const tree = await debianFacts(t);
    const spec = join(images.folder, "debian.json");
    writeFileSync(spec, JSON.stringify({ name: "debian", copyToRoot: [tree] }));
    const layout = `oci:${join(images.folder, "debian")}:1`;
    await images.varve(["build", spec, "--quiet", "--no-check", "-o", layout]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is dpkg's
    const format = "${db:Status-Status} ${Package} ${Architecture} ${Version}\\n";
    const query = ["dpkg-query", `--admindir=${tree}/var/lib/dpkg`, "-W", "-f", format] as const;
    const listed = (await mustRun(query))
      .split("\n")
      .filter((line) => line.startsWith("installed "))
      .map((line) => line.slice("installed ".length));
    const components = (await componentsIn(await images.varve(["sbom", layout]))).filter(({ purl }) =>
      purl?.startsWith("pkg:deb/debian/"),
    );
    const found = components.map(({ name, version, purl }) => {
      const architecture = new URLSearchParams(purl!.split("?")[1]).get("arch");
      return `${name} ${architecture} ${version}`;
    });
    assert.ok(found.length > 100);
    assert.deepEqual(found.sort(), listed.sort());
    const licensed = components.filter((component) => "licenses" in component);
    assert.ok(licensed.length > components.length / 2);
  });

  it("has what Nix lists, with NARs' hashes", { skip: requires("nix") }, async (t) => {
    const nix = await startNix(t);
    const closure = new URL("./support/closure.nix", import.meta.url).pathname;
    const path = await nix.build(closure, "grandchildApp");
    const listed = (await nix.run(["nix-store", "--query", "--requisites", path])).trim().split("\n");
    const graph = join(images.folder, "graph.json");
    writeFileSync(graph, await nix.pathInfo(path));
    const spec = join(images.folder, "nix.json");
    writeFileSync(spec, JSON.stringify({ name: "app", graph }));
    const { command, env } = images.command(["sbom", spec]);
    const components = await componentsIn(
      await mustRun(nix.inside(command), { env: { ...nix.env, ...env } }),
    );
    assert.deepEqual(components.map(placeOf).sort(), listed.sort());
    for (const component of components) assert.match(component.purl!, /^pkg:nix\/.*outputhash=[0-9a-z]{32}$/);
  });
});

interface PnpmPackage {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, PnpmPackage>>;
}
