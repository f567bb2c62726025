import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { copyProgram } from "./support/debian.ts";
import { type NixStore, startNix } from "./support/nix.ts";
import { busyboxTree, startWorkbench, type Workbench } from "./support/workbench.ts";

const closure = fileURLToPath(new URL("support/closure.nix", import.meta.url));

describe("images of store paths in a real Docker Engine", {
  skip: requires("nix", "docker", "nixTools"),
}, () => {
  const scope = stacked({ after });
  let bench: Workbench;
  let nix: NixStore;

  before(async () => {
    bench = await startWorkbench(scope);
    nix = await startNix(scope);
  });

  const graphOf = async (path: string): Promise<string> => {
    const file = join(bench.folder, `${path.slice("/nix/store/".length)}.json`);
    writeFileSync(file, await nix.pathInfo(path));
    return file;
  };
  const through = (command: readonly string[]) => nix.inside(command);

  it("a user who isn't root can read /nix and /nix/store, and run what is there", async () => {
    const app = await nix.build(closure, "baseApp");
    const config = { User: "1000", Cmd: [`${app}/bin/base-app`] };
    await bench.load({ name: "user", graph: await graphOf(app), contents: app, config }, { through });
    assert.equal(await bench.dockerd.output("user:1"), "Hello, nobody!\n");
  });

  it("an image without store paths runs with the store mounted", async () => {
    const app = await nix.build(closure, "baseApp");
    const spec = { name: "mounted", graph: await graphOf(app), contents: app, includeStorePaths: false };
    await bench.load(spec, { through });
    const volume = `${join(nix.folder, "store")}:/nix/store:ro`;
    const { stdout, stderr } = await bench.dockerd.docker([
      "run",
      "--rm",
      "--network",
      "none",
      "--volume",
      volume,
      "mounted:1",
      "/bin/base-app",
    ]);
    assert.equal(stdout.toString(), "Hello, nobody!\n", stderr);
    assert.equal((await bench.dockerd.inspect("mounted:1")).RootFS.Layers.length, 1);
  });

  it("a store path that is a link is one in the image, and its target's programs are found", async () => {
    const alias = await nix.build(closure, "alias");
    await bench.load({ name: "alias", graph: await graphOf(alias), contents: alias }, { through });
    assert.equal(await bench.dockerd.output("alias:1", ["/bin/greet", "alias"]), "Hello, alias!\n");
    assert.equal(await bench.dockerd.output("alias:1", [`${alias}/bin/greet`, "path"]), "Hello, path!\n");
  });

  it("in one layer has what the base hasn't, and scripts that run in the image can use the store", async () => {
    const greeter = await nix.build(closure, "greeter");
    const app = await nix.build(closure, "baseApp");
    const base = await bench.build(
      { name: "greeter", graph: await graphOf(greeter), contents: greeter },
      { through },
    );
    const spec = {
      name: "one-layer",
      graph: await graphOf(app),
      contents: app,
      fromImage: base.archive,
      layered: false,
    };
    await bench.load(spec, { through });
    const layers = (await bench.dockerd.inspect("one-layer:1")).RootFS.Layers.length;
    assert.equal(await bench.dockerd.output("one-layer:1", ["/bin/base-app"]), "Hello, nobody!\n");
    // The greeter's closure and its customisation layer, and one for the rest.
    assert.equal(layers, 5);
    const last = join(bench.folder, "one-layer");
    const listed = await topLayer(await bench.build({ ...spec, name: "one-layer-again" }, { through }), last);
    assert.deepEqual(
      listed.filter((name) => /^nix\/store\/[^/]+\/?$/.test(name)),
      [`${app.slice(1)}/`],
    );
    const box = `${(await nix.run(["sh", "-c", "echo /nix/store/*-busybox-1"])).trim()}/bin/busybox`;
    const script = `#!${box} sh\n${app}/bin/base-app > /greeting; ${box} rm -r /bin`;
    await bench.load(
      { ...spec, name: "one-layer-script", runAsRoot: script, extraCommands: "cat greeting > copy" },
      { through },
    );
    assert.equal(
      await bench.dockerd.output("one-layer-script:1", [box, "cat", "/greeting", "/copy"]),
      "Hello, nobody!\nHello, nobody!\n",
    );
    assert.equal(
      await bench.dockerd.output("one-layer-script:1", [`${app}/bin/base-app`]),
      "Hello, nobody!\n",
    );
  });

  it("nix-store --verify --check-contents finds nothing wrong in an image with a Nix database", async () => {
    const tree = join(bench.folder, "nix");
    await copyProgram("nix-store", tree);
    const programs = await busyboxTree(join(bench.folder, "nix-path"));
    mkdirSync(join(programs, "lib"));
    const libraries = (await mustRun(["find", tree, "-name", "*.so*", "-type", "f"])).trim().split("\n");
    for (const library of libraries)
      cpSync(library, join(programs, "lib", library.slice(library.lastIndexOf("/") + 1)));
    cpSync(
      (await mustRun(["sh", "-c", 'readlink -f "$(command -v nix-store)"'])).trim(),
      join(programs, "lib/nix"),
    );
    const loader = libraries.find((library) => /\/ld-linux[^/]*$/.test(library))!;
    writeFileSync(
      join(programs, "bin/nix-store"),
      `#!/bin/sh\nhere=$(readlink -f "$0"); lib=\${here%/bin/*}/lib\nexec $lib/${loader.slice(loader.lastIndexOf("/") + 1)} --library-path $lib --argv0 nix-store $lib/nix "$@"\n`,
      { mode: 0o755 },
    );
    const path = (await nix.run(["nix-store", "--add", programs])).trim();
    const app = await nix.build(closure, "baseApp");
    const graph = join(bench.folder, "nix-db.json");
    writeFileSync(graph, await nix.run(["nix", "path-info", "--json", "--recursive", path, app]));
    const config = { Env: ["PATH=/bin", "HOME=/tmp", "NIX_CONFIG=build-users-group ="] };
    const spec = {
      name: "nix-db",
      graph,
      contents: [path, app],
      includeNixDB: true,
      fakeNss: true,
      tmp: true,
      check: { ignore: [{ code: "missing-loader", reason: "the script beside it names its loader" }] },
      config,
    };
    const built = await bench.load(spec, { through });
    const again = await bench.build(spec, { through });
    await mustRun(["cmp", built.archive, again.archive]);
    const seen = await bench.sh(
      "nix-db:1",
      "nix-store --verify --check-contents 2>&1; nix-store --query --requisites /bin/base-app; nix-store --gc --print-dead 2>/dev/null",
    );
    assert.doesNotMatch(seen, /not valid|modified|disappeared|missing|error/);
    const requisites = seen.split("\n").filter((line) => line.startsWith("/nix/store/"));
    assert.equal(requisites.length, 4, seen);
    assert.ok(requisites.includes(app));
  });

  /** The names in an archive's last layer. */
  async function topLayer({ archive }: { archive: string }, folder: string): Promise<string[]> {
    mkdirSync(folder);
    await mustRun(["tar", "-xf", archive, "-C", folder]);
    const [manifest] = JSON.parse(await mustRun(["cat", join(folder, "manifest.json")])) as [
      { Layers: string[] },
    ];
    const names = await mustRun(["tar", "-tf", join(folder, manifest.Layers.at(-1)!)]);
    return names
      .trim()
      .split("\n")
      .map((name) => name.replace(/^\//, ""));
  }
});
