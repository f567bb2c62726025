import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requires } from "../support/systems.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

describe("arguments of the Nix functions", { skip: requires("nixEvaluation") }, () => {
  it("may have lists in lists where store paths are meant", async () => {
    const paths = await evaluate(`
      let layered = contents: (tools.streamLayeredImage { name = "a"; inherit contents; }).customisationLayer;
      built = copyToRoot: (tools.buildImage { name = "a"; inherit copyToRoot; }).layer; in
      [ (layered [ [ root ] [ [ ] null ] ]).spec.contents (layered root).spec.contents
        (built [ [ root ] ]).spec.copyToRoot (layered [ [ root ] ]).exportReferencesGraph.graph ]`);
    const root = await evaluate("toString root");
    assert.deepEqual(paths, [[root], [root], [root], [root]]);
  });

  it("may have numbers as texts", async () => {
    const ids = await evaluate(`
      let i = tools.streamLayeredImage { name = "a"; uid = "1000"; gid = "007"; };
      spec = (tools.buildImage { name = "a"; uid = "5"; }).layer.spec; in
      [ i.conf.uid i.conf.gid spec.uid spec.gid ]`);
    assert.deepEqual(ids, [1000, 7, 5, 0]);
    const { code, stderr } = await tryToEvaluate(
      `(tools.streamLayeredImage { name = "a"; uid = "jane"; }).outPath`,
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /uid must be a number, not "jane"/);
  });

  it("give the store's files an owner and a time, and the customisation layer's root's and stdenv's", async () => {
    const [conf, spec, gnuTar] = (await evaluate(`
      let i = tools.streamLayeredImage { name = "a"; uid = 7; uname = "jane"; mtime = "2024-01-02"; contents = root; }; in
      [ { inherit (i.conf) uid uname mtime; } i.customisationLayer.spec i.customisationLayer.gnuTar ]`)) as [
      Record<string, unknown>,
      Record<string, unknown>,
      boolean,
    ];
    assert.deepEqual(conf, { uid: 7, uname: "jane", mtime: "2024-01-02" });
    assert.deepEqual(
      [spec["uid"], spec["uname"], spec["mtime"], gnuTar],
      [undefined, undefined, "@315532800", true],
    );
    const packed = await evaluate('(tools.buildImage { name = "a"; uid = 7; }).layer.gnuTar');
    assert.equal(packed, false);
  });

  it("put nothing into an image that neither the config nor the customisation layer refers to", async () => {
    const graph = await evaluate(`
      let i = tools.streamLayeredImage { name = "a"; contents = root; }; in
      map (path: builtins.match ".*-root" path != null) i.conf.exportReferencesGraph.graph`);
    assert.deepEqual(graph, [false, false]);
  });

  it("may have an empty tag", async () => {
    assert.deepEqual(
      await evaluate(
        'let i = tools.buildLayeredImage { name = "a"; tag = ""; }; in [ i.imageTag i.conf.imageTag ]',
      ),
      ["", ""],
    );
  });

  it("may have a command as a text and an environment as a set", async () => {
    // What a config becomes is only in a file, which isn't written here.
    const config = (text: string) =>
      evaluate(`(import ${new URL("../../nix/support.nix", import.meta.url).pathname}
      { inherit pkgs; varve = null; }).configOf "a" ${text}`);
    assert.deepEqual(
      await config('{ Cmd = "hello"; Entrypoint = "a b"; Env = { B = 1; A = "x y"; }; User = "1"; }'),
      {
        Cmd: ["hello"],
        Entrypoint: ["a b"],
        Env: ["A=x y", "B=1"],
        User: "1",
      },
    );
    assert.deepEqual(await config('{ Cmd = [ "a" ]; Env = [ "A=1" ]; Whatever = 1; }'), {
      Cmd: ["a"],
      Env: ["A=1"],
      Whatever: 1,
    });
    assert.deepEqual(await config("null"), null);
  });

  it("are refused with the right name where a field of config is written in other letters", async () => {
    for (const name of ["buildImage", "buildLayeredImage", "streamLayeredImage"]) {
      const { code, stderr } = await tryToEvaluate(
        `(tools.${name} { name = "a"; config.workingdir = "/"; }).outPath`,
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /in docker image a: config\.workingdir must be written config\.WorkingDir/);
    }
  });

  it("may have a script that writes an image where an archive is meant", async () => {
    const places = (await evaluate(`
      let
        stream = tools.streamLayeredImage { name = "a"; };
        foreign = package "stream-b" // { isExe = true; };
        archive = package "c";
        args = image: builtins.filter (arg: builtins.isString arg && builtins.match "docker-archive:.*" arg != null) image.drvAttrs.args;
      in
      [ (tools.streamLayeredImage { name = "x"; fromImage = stream; }).conf.fromImage
        (tools.streamLayeredImage { name = "x"; fromImage = foreign; }).conf.fromImage
        (tools.buildImage { name = "x"; fromImage = stream; fromImageName = "a"; fromImageTag = "1"; }).fromImage
        (tools.buildImage { name = "x"; fromImage = archive; }).fromImage ]
        ++ args (tools.mergeImages [ stream archive ])
        ++ [ (tools.exportImage { fromImage = stream; }).from ]`)) as string[];
    assert.deepEqual(
      places.map((place) => place.replace(/\/nix\/store\/\w{32}-/, "").replace(/:\/1\w{51}$/, ":OUT")),
      [
        "a.tar",
        "stream-b.tar",
        "docker-archive:a.tar:a:1",
        "c",
        "docker-archive:a.tar",
        "docker-archive:c",
        "docker-archive:OUT",
        "docker-archive:a.tar",
      ],
    );
  });
});
