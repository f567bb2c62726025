import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { prepare } from "../../examples/nix/prepare.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { type NixStore, outside, startNix } from "./support/nix.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const readJson = (relative: string) => JSON.parse(readFileSync(path(relative), "utf8"));

describe("varve's flake in a real Nix, without a network", {
  skip: requires("nix", "npm", "debianPackages"),
}, () => {
  const scope = stacked({ after });
  let nix: NixStore;
  let folder: string;

  before(async () => {
    nix = await startNix(scope);
    folder = await temporaryFolder(scope);
    layOutFlakes();
    await addDependencies();
  });

  /** The flakes that the tests have; varve's own is as Git gives it, so with nothing in it that is made or installed. */
  function layOutFlakes(): void {
    const copy = (file: string, to: string) => cpSync(path(file), join(folder, to), { recursive: true });
    for (const name of ["flake.nix", "nix", "package.json", "package-lock.json", "src"]) {
      copy(name, `varve/${name}`);
    }
    copy("test/system/support/flakes/user.nix", "user/flake.nix");
    copy("test/system/support/flakes/image.nix", "user/image.nix");
    copy("test/system/support/flakes/nixpkgs.nix", "nixpkgs/flake.nix");
    prepare(path("examples/nix/debs"));
    copy("examples/nix", "nixpkgs/examples/nix");
    copy("node_modules/node/bin/node", "nixpkgs/node_modules/node/bin/node");
  }

  /** Gives Nix what `nix/varve.nix` would fetch, which it knows by names and hashes: then it asks nobody. */
  async function addDependencies(): Promise<void> {
    const packages: Record<string, { dev?: true; devOptional?: true; version: string }> =
      readJson("package-lock.json").packages;
    const wanted = new Set(
      Object.entries(packages).flatMap(([place, { dev, devOptional, version }]) => {
        const [, name] = /.*node_modules\/(.*)$/.exec(place) ?? [];
        return name === undefined || dev || devOptional ? [] : [`${name}@${version}`];
      }),
    );
    const options = ["--silent", "--json", "--prefer-offline", "--pack-destination", folder];
    const packed = JSON.parse(await mustRun(["npm", "pack", ...wanted, ...options], { cwd: folder })) as {
      name: string;
      version: string;
      filename: string;
    }[];
    assert.equal(packed.length, wanted.size);
    // npm puts a scope into the file's name, and the registry, whose names Nix has, doesn't.
    const files = packed.map(({ name, version, filename }) => {
      const own = join(folder, name);
      mkdirSync(own, { recursive: true });
      const file = join(own, `${basename(name)}-${version}.tgz`);
      renameSync(join(folder, filename), file);
      return file;
    });
    await nix.run(["nix-store", "--add-fixed", "sha512", ...files]);
  }

  const flake = (name: string) => `path:${join(folder, name)}`;

  /** Runs `nix COMMAND` with the flakes here for the inputs of the one that is asked for. */
  function run(command: readonly string[], inputs: readonly string[], ...args: string[]): Promise<string> {
    return nix.run([
      ...(["nix", ...command, "--extra-experimental-features", "flakes"] as [string, ...string[]]),
      ...inputs.flatMap((input) => ["--override-input", input, flake(input)]),
      "--no-write-lock-file",
      ...args,
    ]);
  }

  async function layersOf(storePath: string): Promise<readonly string[]> {
    const [image] = JSON.parse(await mustRun(["tar", "-xOf", outside(nix, storePath), "manifest.json"]));
    assert.ok(image.Layers.length > 2);
    return image.Layers;
  }

  it("has outputs that Nix finds nothing wrong with", async () => {
    await run(["flake", "check"], ["nixpkgs"], flake("varve"));
  });

  it("runs varve from its sources, built in Nix' sandbox with the packages of package-lock.json", async () => {
    const sandbox = ["--option", "sandbox", "true", "--option", "sandbox-fallback", "false"];
    const answer = await run(["run", ...sandbox], ["nixpkgs"], flake("varve"), "--", "--version");
    assert.equal(answer, `${readJson("package.json").version}\n`);
  });

  it("makes one image by its functions, its overlay and its files, with the layers that a built varve makes", async () => {
    const wanted = ["byLib", "byOverlay", "byFile"].map((way) => `${flake("user")}#${way}`);
    const inputs = ["varve", "nixpkgs"];
    const answer = await run(["build", "--json", "--no-link"], inputs, ...wanted);
    const built = JSON.parse(answer) as { outputs: { out: string } }[];
    const [image, ...others] = built.map(({ outputs }) => outputs.out);
    assert.deepEqual(others, [image, image]);

    const pkgs = `import ${path("examples/nix/packages.nix")} {}`;
    const other = await nix.run([
      ...(["nix-build", path("test/system/support/flakes/image.nix"), "--no-out-link"] as const),
      ...["--arg", "pkgs", pkgs, "--arg", "tools", `import ${path("nix")} { pkgs = ${pkgs}; }`],
    ]);
    // The configs' histories name the customisation layers' store paths, which depend on what varve is made of.
    assert.deepEqual(await layersOf(image!), await layersOf(other.trim()));
  });
});
