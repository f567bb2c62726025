import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { type Containerd, startContainerd } from "./support/containerd.ts";
import { copyProgram } from "./support/debian.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { Images } from "./support/images.ts";
import { type NpmFixture, npmFixture } from "./support/npm-fixture.ts";
import { type Podman, startPodman } from "./support/podman.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

/** Fewer layers than packages, so that packages share a layer with packages that are nested in them. */
const MAX_LAYERS = [10, 25, 100];

/** What matters is which layer has what, so neither varve nor three engines have to compress and unpack it. */
const QUICKLY = ["--quiet", "--compression", "none"];

/** The names in a folder, what they are, how large or where they lead; but for npm's own list, which is in no image. */
async function listed(folder: string): Promise<string> {
  const found = await mustRun(
    ["find", ".", "-type", "d", "-printf", "%P/\n", "-o", "-printf", "%P %y %s %l\n"],
    { cwd: folder },
  );
  return found
    .split("\n")
    .filter((line) => !line.startsWith("node_modules/.package-lock.json"))
    .sort()
    .join("\n");
}

/** What the project prints that is in each fixture. */
const PRINTED: Readonly<Record<NpmFixture, RegExp>> = {
  "npm-small": /^28\d packages; express; npm 10\.9\.2\n$/,
  "npm-large": /^11\d\d packages; eslint, express, fastify, jest, mocha; npm 10\.9\.2\n$/,
};

describe("images of npm projects with more packages than layers", {
  skip: requires("docker", "podman", "containerd", "registry", "npm"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  /** One that images are loaded into, and one that pulls them: so neither has what it gets. */
  let loading: Dockerd;
  let pulling: Dockerd;
  let podman: Podman;
  let containerd: Containerd;
  let base: string;

  before(async () => {
    const folder = await temporaryFolder(scope);
    images = new Images(folder);
    registry = await startRegistry(scope);
    loading = await startDockerd(scope);
    pulling = await startDockerd(scope);
    podman = await startPodman(scope, folder, { driver: "overlay" });
    containerd = await startContainerd(scope, { snapshotter: "overlayfs" });
    const tree = join(folder, "debian");
    await copyProgram(process.execPath, tree);
    mkdirSync(join(tree, "tmp"), { recursive: true });
    chmodSync(join(tree, "tmp"), 0o1777);
    base = `${registry.host}/node:1`;
    writeFileSync(join(folder, "base.json"), JSON.stringify({ name: "node", copyToRoot: [tree] }));
    await images.varve(["build", join(folder, "base.json"), ...QUICKLY, "--push", base]);
    // It is what all images have in common, so nobody has to unpack it more than once.
    await pull(base);
    await podman("pull", "--quiet", "--tls-verify=false", base);
    await containerd.ctr("images", "pull", "--plain-http", "--snapshotter", "overlayfs", base);
  });

  async function pull(reference: string): Promise<void> {
    const { code, stderr } = await pulling.docker(["pull", "--quiet", reference]);
    assert.equal(code, 0, stderr);
  }

  for (const name of ["npm-small", "npm-large"] as const) {
    for (const maxLayers of MAX_LAYERS) {
      it(`${name} in ${maxLayers} layers is loaded, pulled, run and unpacked`, async () => {
        const project = await npmFixture(name);
        const file = (suffix: string) => join(images.folder, `${name}-${maxLayers}${suffix}`);
        const spec = file(".json");
        const config = { Cmd: [process.execPath, "index.js"], WorkingDir: "/app" };
        // The default strategy makes no more layers than are worth it.
        const how = { maxLayers, strategy: "largest", config };
        writeFileSync(spec, JSON.stringify({ name, tag: `${maxLayers}`, graph: project, ...how }));
        const reference = `${registry.host}/${name}:${maxLayers}`;
        const places = ["--output", `docker-archive:${file(".tar")}`, "--push", reference];
        await images.varve(["build", spec, ...QUICKLY, "--from", `docker://${base}`, ...places]);
        await images.varve(["validate", `docker://${reference}`]);
        const { layers } = await images.inspect(`docker://${reference}`);
        assert.equal(layers.length, maxLayers);

        await loading.load(file(".tar"));
        assert.match(await loading.output(`${name}:${maxLayers}`), PRINTED[name]);
        await pull(reference);

        // Who unpacks checks the bytes themselves; what could be lost are names.
        const expected = await listed(project);
        const same = async (root: string) => assert.equal(await listed(join(root, "app")), expected);
        await podman("pull", "--quiet", "--tls-verify=false", reference);
        try {
          await same((await podman("image", "mount", reference)).trim());
        } finally {
          await podman("image", "unmount", reference);
        }
        const mounted = file("-mounted");
        mkdirSync(mounted);
        await containerd.ctr("images", "pull", "--plain-http", "--snapshotter", "overlayfs", reference);
        await containerd.ctr("images", "mount", "--snapshotter", "overlayfs", reference, mounted);
        try {
          await same(mounted);
        } finally {
          await containerd.ctr("images", "unmount", "--rm", mounted);
        }
      });
    }
  }
});
