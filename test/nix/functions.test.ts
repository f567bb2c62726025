import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { requires } from "../support/systems.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

const OVERLAY = fileURLToPath(new URL("../../nix/docker-tools-overlay.nix", import.meta.url));

describe("the Nix functions", { skip: requires("nixEvaluation") }, () => {
  it("tell nixpkgs' lib.functionArgs what they take", async () => {
    const args = (await evaluate(`builtins.mapAttrs (name: f: f.__functionArgs)
      { inherit (tools) buildImage buildLayeredImage streamLayeredImage pullImage streamNixShellImage buildNixShellImage; }`)) as Record<
      string,
      Record<string, boolean>
    >;
    for (const [name, required] of Object.entries({
      buildImage: ["name"],
      buildLayeredImage: ["name"],
      streamLayeredImage: ["name"],
      pullImage: ["imageDigest", "imageName"],
      streamNixShellImage: ["drv"],
      buildNixShellImage: ["drv"],
    })) {
      const given = Object.entries(args[name]!);
      assert.deepEqual(
        given.filter(([, optional]) => !optional).map(([arg]) => arg),
        required,
        name,
      );
    }
    assert.equal(args["buildLayeredImage"]!["fromImage"], true);
    assert.equal(args["buildLayeredImage"]!["compressor"], true);
  });

  it("give results that can be made again with other attributes or arguments", async () => {
    const [plain, ...others] = (await evaluate(`
      let
        image = tools.buildLayeredImage { name = "a"; passthru.own = 1; };
        facts = one: [ (one.extra or "none") one.imageName one.own one.type (one.outPath == image.outPath) ];
      in
      map facts [
        image
        (image.overrideAttrs { extra = "set"; })
        (image.overrideAttrs (old: { extra = old.name; }))
        (image.overrideAttrs (final: old: { extra = final.more + old.name; more = "more "; }))
        ((image.overrideAttrs { extra = "one"; }).overrideAttrs (old: { extra = old.extra + " two"; }))
        (image.overrideDerivation (old: { extra = "derivation"; }))
        (image.override { name = "b"; })
        ((image.overrideAttrs { extra = "kept"; }).override { name = "b"; })
        (image.override (old: { name = old.name + "b"; }))
      ]`)) as unknown[][];
    assert.deepEqual(plain, ["none", "a", 1, "derivation", true]);
    assert.deepEqual(
      others.map(([extra, name]) => [extra, name]),
      [
        ["set", "a"],
        ["a.tar.gz", "a"],
        ["more a.tar.gz", "a"],
        ["one two", "a"],
        ["derivation", "a"],
        ["none", "b"],
        ["kept", "b"],
        ["none", "ab"],
      ],
    );
    for (const other of others) assert.deepEqual(other.slice(2), [1, "derivation", false]);
  });

  it("give results with the outputs for which nixpkgs' lib looks", async () => {
    const outputs =
      'map (one: one.outputs) [ (tools.buildImage { name = "a"; }) (tools.streamLayeredImage { name = "a"; }) ]';
    assert.deepEqual(await evaluate(outputs), [["out"], ["out"]]);
  });

  it("have the script that streams any conf", async () => {
    const names = await evaluate(`
      let script = image: baseNameOf (builtins.unsafeDiscardStringContext image.streamScript.outPath); in
      map (image: builtins.substring 33 100 (script image))
        [ (tools.streamLayeredImage { name = "a"; }) (tools.buildLayeredImage { name = "a"; }) ]`);
    assert.deepEqual(names, ["stream", "stream"]);
  });

  it("say what to take for those that nixpkgs has and varve hasn't", async () => {
    const names = [
      "mergeDrvs",
      "mkPureLayer",
      "mkRootLayer",
      "nix-prefetch-docker",
      "runWithOverlay",
      "tarsum",
      "tests",
    ];
    assert.deepEqual(await evaluate("builtins.attrNames tools.instead"), names);
    for (const name of names) {
      const { code, stderr } = await tryToEvaluate(`tools.${name}`);
      assert.notEqual(code, 0);
      assert.match(stderr, new RegExp(`varve's functions have no ${name}: \\w`));
    }
    assert.deepEqual(await evaluate('(tools.shellScript "a" "b").name'), "a");
    assert.equal(await evaluate("builtins.isAttrs tools.examples"), true);
  });

  it("set up PAM with today's hash", async () => {
    assert.match((await evaluate("tools.shadowSetup")) as string, /pam_unix\.so nullok yescrypt/);
  });

  it("are in dockerTools' place with the overlay, beside what only nixpkgs has", async () => {
    const facts = await evaluate(`
      let
        prev = pkgs // { dockerTools = { buildImage = "old"; mkPureLayer = "nixpkgs"; examples = "nixpkgs"; more = "nixpkgs"; }; };
        final = prev // import ${OVERLAY} final prev // { callPackage = f: args: package "varve"; };
      in
      [ (final.dockerTools.buildImage { name = "a"; }).imageName final.dockerTools.mkPureLayer final.dockerTools.examples
        final.dockerTools.more (final.dockerTools ? instead) (final ? varveTools) ]`);
    assert.deepEqual(facts, ["a", "nixpkgs", "nixpkgs", "nixpkgs", false, true]);
  });
});
