/** The functions as nixpkgs' own `lib` sees them: the real one, where `VARVE_NIXPKGS_LIB` names its folder. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { leftOut, requires } from "../support/systems.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

const folder = process.env["VARVE_NIXPKGS_LIB"];
const overlay = fileURLToPath(new URL("../../nix/docker-tools-overlay.nix", import.meta.url));

/** Each function's arguments, with a value that is right; the first ones are needed. */
const LAYERED = {
  name: '"a"',
  ...{
    tag: '"1"',
    fromImage: "base",
    contents: "[ root ]",
    config: "{ Cmd = [ root ]; }",
    architecture: '"arm64"',
  },
  ...{
    created: '"now"',
    mtime: '"2024-01-02"',
    uid: "1",
    gid: '"2"',
    uname: '"u"',
    gname: '"g"',
    maxLayers: "3",
  },
  ...{
    extraCommands: '"true"',
    fakeRootCommands: '"true"',
    enableFakechroot: "true",
    includeStorePaths: "false",
  },
  ...{ includeNixDB: "true", passthru: "{ own = 1; }", meta: '{ description = "d"; }', debug: "true" },
  ...{ layeringPipeline: '[ [ "flatten" ] ]', followBase: "false", requiredSystemFeatures: '[ "kvm" ]' },
  ...{ layers: "[ (tools.buildLayer { paths = root; }) ]", snapshotter: "true" },
};
const SHELL = {
  drv: "root",
  ...{
    name: '"a"',
    tag: '"1"',
    uid: "1",
    gid: "1",
    homeDirectory: '"/h"',
    shell: '"/bin/sh"',
    command: '"c"',
    run: '"r"',
  },
  ...{ maxLayers: "3", fromImage: "base" },
};
const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  streamLayeredImage: LAYERED,
  buildLayeredImage: { ...LAYERED, compressor: '"zstd"' },
  buildLayeredImageWithNixDb: { name: '"a"' },
  buildImage: {
    name: '"a"',
    ...{
      tag: '"1"',
      fromImage: "base",
      fromImageName: '"b"',
      fromImageTag: '"1"',
      copyToRoot: "root",
      contents: "root",
    },
    ...{
      keepContentsDirlinks: "true",
      config: "null",
      architecture: '"arm64"',
      extraCommands: '"true"',
      uid: "1",
    },
    ...{ gid: "1", uname: '"u"', gname: '"g"', runAsRoot: '"true"', diskSize: "1", buildVMMemorySize: "1" },
    ...{
      created: '"now"',
      mtime: '"@1"',
      compressor: '"none"',
      includeNixDB: "true",
      includeStorePaths: "false",
    },
    ...{ passthru: "{ }", meta: "{ }", followBase: "false", requiredSystemFeatures: "[ ]" },
  },
  buildImageWithNixDb: { name: '"a"' },
  pullImage: {
    imageName: '"a/b"',
    imageDigest: `"sha256:${"0".repeat(64)}"`,
    ...{ sha256: `"${"0".repeat(64)}"`, hash: `"sha256-${"A".repeat(43)}="`, os: '"linux"', arch: '"arm64"' },
    ...{ finalImageName: '"c"', finalImageTag: '"1"', tlsVerify: "false", name: '"n"' },
  },
  streamNixShellImage: SHELL,
  buildNixShellImage: { ...SHELL, compressor: '"none"' },
  exportImage: {
    fromImage: "base",
    ...{ name: '"n"', fromImageName: '"a"', fromImageTag: '"1"', diskSize: "1" },
  },
  buildLayer: {
    paths: "root",
    ...{
      name: '"n"',
      deps: "[ root ]",
      layers: "[ ]",
      maxLayers: "2",
      compressor: '"none"',
      uid: "1",
      gid: "1",
    },
    ...{ uname: '"u"', gname: '"g"', mtime: '"@1"', passthru: "{ }", meta: "{ }" },
  },
  imageIndex: {
    images: "[ image ]",
    ...{ name: '"n"', tag: '"t"', annotations: "{ }", passthru: "{ }", meta: "{ }" },
  },
};
/** What one argument needs besides itself. */
const TOGETHER: Readonly<Record<string, string>> = { enableFakechroot: 'fakeRootCommands = "true";' };
/** How many arguments each function can't do without. */
const NEEDED: Readonly<Record<string, number>> = { pullImage: 2 };
/** Of pullImage's, one that it takes in place of another. */
const HASH = `hash = "sha256-${"A".repeat(43)}=";`;

/** What is around each expression: nixpkgs' packages as far as the functions name them, with the real lib. */
const WITH_LIB = `
  lib = import ${folder};
  base = package "base.tar";
  image = tools.buildImage { name = "i"; };
`;

const skip =
  folder !== undefined && existsSync(join(folder, "default.nix"))
    ? requires("nixEvaluation")
    : leftOut("VARVE_NIXPKGS_LIB names no folder with nixpkgs' lib");

describe("the Nix functions with nixpkgs' own lib", { skip }, () => {
  const inLib = (expression: string) => `let ${WITH_LIB} in ${expression}`;

  function calls(name: string): { argument: string; call: string }[] {
    const all = Object.entries(ARGUMENTS[name]!);
    const needed = all.slice(0, NEEDED[name] ?? 1);
    const least = needed.map(([argument, value]) => `${argument} = ${value};`).join(" ");
    return all.map(([argument, value]) => {
      const own = needed.some(([name]) => name === argument) ? "" : `${argument} = ${value};`;
      const hash = name === "pullImage" && argument !== "sha256" && argument !== "hash" ? HASH : "";
      return { argument, call: `tools.${name} { ${least} ${own} ${hash} ${TOGETHER[argument] ?? ""} }` };
    });
  }

  it("take each documented argument, and lib finds a derivation in what they give", async () => {
    for (const name of Object.keys(ARGUMENTS)) {
      const all = calls(name);
      const facts = all.map(
        ({ call }) =>
          `(let one = ${call}; in [ (lib.isDerivation one) (one.drvPath != "") (lib.isStorePath one.outPath) ])`,
      );
      const answers = await evaluate(inLib(`[ ${facts.join("\n")} ]`));
      assert.deepEqual(
        answers,
        all.map(() => [true, true, true]),
        name,
      );
    }
  });

  it("give derivations to lib whatever they make", async () => {
    const made = [
      ...["binSh", "usrBinEnv", "caCertificates", "fakeNss", "fakeNss.override { extraGroupLines = [ ]; }"],
      ...[
        'shellScript "a" "b"',
        "mergeImages [ image ]",
        "pushImage image",
        "pushImage { inherit image; tags = [ ]; }",
      ],
      ...["loadImage image", "copyToPodman image", "pushImage (tools.imageIndex { images = [ image ]; })"],
    ];
    const facts = made.map(
      (one) =>
        `(let one = tools.${one}; in [ (lib.isDerivation one) (lib.isStorePath one.outPath) (lib.isString (lib.getName one)) ])`,
    );
    assert.deepEqual(
      await evaluate(inLib(`[ ${facts.join("\n")} ]`)),
      made.map(() => [true, true, true]),
    );
  });

  it("tell lib.functionArgs all of them, and are functions to lib", async () => {
    const plain = Object.keys(ARGUMENTS).filter((name) => !/WithNixDb$/.test(name));
    const facts = plain.map((name) => `[ (lib.isFunction tools.${name}) (lib.functionArgs tools.${name}) ]`);
    const answers = (await evaluate(inLib(`[ ${facts.join(" ")} ]`))) as [boolean, Record<string, boolean>][];
    for (const [at, name] of plain.entries()) {
      const [isFunction, args] = answers[at]!;
      assert.equal(isFunction, true, name);
      const { fromImageLock: _, ...documented } = args;
      assert.deepEqual(Object.keys(documented).sort(), Object.keys(ARGUMENTS[name]!).sort(), name);
      const needed = Object.keys(ARGUMENTS[name]!).slice(0, NEEDED[name] ?? 1);
      for (const argument of needed) {
        if (["exportImage", "buildLayer"].includes(name)) continue;
        assert.equal(args[argument], false, `${name} ${argument}`);
      }
    }
  });

  it("refuse what is misspelt, by its name", async () => {
    for (const name of Object.keys(ARGUMENTS)) {
      const [{ call } = { call: "" }] = calls(name);
      for (const wrong of ["nmae", "Config", "maxLayer", "content"]) {
        const { code, stderr } = await tryToEvaluate(
          inLib(`(${call.replace(/ \}$/, `${wrong} = 1; }`)}).drvPath`),
        );
        assert.notEqual(code, 0, `${name} took ${wrong}`);
        assert.match(stderr, new RegExp(`unexpected argument '${wrong}'`), name);
      }
    }
  });

  it("give what lib's own functions work on", async () => {
    const facts = await evaluate(
      inLib(`
      let
        image = tools.buildLayeredImage { name = "a"; tag = "1"; passthru.own = 1; meta.description = "d"; };
        push = tools.pushImage image;
      in {
        hydra = (lib.hydraJob image).name;
        added = (lib.addMetaAttrs { homepage = "h"; } image).meta;
        extended = (lib.extendDerivation true { more = 2; } image).more;
        lazy = (lib.lazyDerivation { derivation = image; }).outPath == image.outPath;
        same = (lib.getBin image).outPath == image.outPath;
        text = lib.hasPrefix "/nix/store/" "\${image}";
        names = [ (lib.getName image) (lib.getName push) (lib.getName (tools.buildImage { name = "b"; })) ];
        again = ((lib.makeOverridable tools.buildImage { name = "c"; }).override { name = "d"; }).imageName;
        args = lib.functionArgs (lib.setFunctionArgs tools.buildImage { name = false; });
        called = (lib.callPackageWith { inherit (tools) buildImage; name = "e"; } ({ buildImage, name }: buildImage { inherit name; }) { }).imageName;
      }`),
    );
    assert.deepEqual(facts, {
      hydra: "a.tar.gz",
      added: { description: "d", homepage: "h" },
      extended: 2,
      lazy: true,
      same: true,
      text: true,
      names: ["a.tar.gz", "push-a", "docker-image-b.tar.gz"],
      again: "d",
      args: { name: false },
      called: "e",
    });
  });

  it("are put in place by lib's ways to compose overlays", async () => {
    const facts = await evaluate(
      inLib(`
      let
        packages = final: pkgs // {
          inherit lib;
          nodejs = package "nodejs" // { version = "26.0.0"; };
          callPackage = lib.callPackageWith (final // { pkgs = final; });
          dockerTools = { mkPureLayer = "nixpkgs"; buildImage = "nixpkgs"; };
        };
        more = final: prev: { own = final.dockerTools.buildImage { name = "a"; }; };
        all = lib.fix (lib.extends (lib.composeManyExtensions [ (import ${overlay}) more ]) packages);
      in [ all.own.imageName all.dockerTools.mkPureLayer (lib.hasSuffix "/bin/varve" (lib.getExe all.varve)) (lib.getVersion all.varve) ]`),
    );
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    assert.deepEqual(facts, ["a", "nixpkgs", true, version]);
  });

  it("know the architecture of each system that lib elaborates", async () => {
    const systems = [
      "x86_64-linux",
      "aarch64-linux",
      "aarch64-darwin",
      "x86_64-darwin",
      "riscv64-linux",
      "i686-linux",
    ];
    const facts = systems.map(
      (system) => `(let
        platform = lib.systems.elaborate "${system}";
        tools = import ${fileURLToPath(new URL("../../nix", import.meta.url))} {
          pkgs = removeAttrs pkgs [ "system" ] // { stdenv = { buildPlatform = platform; hostPlatform = platform; }; go = { inherit (platform.go) GOARCH; }; };
          varve = package "varve";
        };
      in (tools.pullImage { imageName = "a"; imageDigest = "sha256:${"0".repeat(64)}"; ${HASH} }).drvAttrs.args)`,
    );
    const answers = (await evaluate(inLib(`[ ${facts.join(" ")} ]`))) as string[][];
    assert.deepEqual(
      answers.map((args) => args[args.indexOf("--platform") + 1]),
      ["linux/amd64", "linux/arm64", "linux/arm64", "linux/amd64", "linux/riscv64", "linux/386"],
    );
  });
});
