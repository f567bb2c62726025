import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requires } from "../support/systems.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

describe("buildLayer and layers", { skip: requires("nixEvaluation") }, () => {
  async function refused(expression: string, message: RegExp) {
    const { code, stderr } = await tryToEvaluate(expression);
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  }

  it("make derivations of store paths, and what they refer to, with owners and a time", async () => {
    const facts = await evaluate(`
      let
        below = tools.buildLayer { paths = pkgs.bash; };
        one = tools.buildLayer {
          name = "one"; deps = [ [ root ] ]; layers = [ below ]; maxLayers = 3; compressor = "zstd"; uid = "7"; uname = "jane"; mtime = "@5";
        };
        facts = layer: {
          inherit (layer) name args compressor maxLayers uid gid uname mtime storeDir;
          graph = map baseNameOf layer.exportReferencesGraph.graph;
          layers = layer.layers == [ below.outPath ];
        };
      in
      [ (facts below) (facts one) (below.type == "derivation") (builtins.attrNames tools.buildLayer.__functionArgs) ]`);
    const [below, one, isDerivation, args] = facts as [
      Record<string, unknown>,
      Record<string, unknown>,
      boolean,
      string[],
    ];
    const name = (path: unknown) => String(path).replace(/^\w{32}-/, "");
    assert.deepEqual(
      { ...below, graph: (below["graph"] as string[]).map(name) },
      {
        ...{
          name: "layer-layer",
          args: ["nix", "layers"],
          compressor: "gz",
          maxLayers: 1,
          storeDir: "/nix/store",
        },
        ...{ uid: 0, gid: 0, uname: "root", mtime: "1970-01-01T00:00:01Z", graph: ["bash"], layers: false },
      },
    );
    assert.deepEqual(
      { ...one, graph: (one["graph"] as string[]).map(name) },
      {
        ...{
          name: "one-layer",
          args: ["nix", "layers"],
          compressor: "zstd",
          maxLayers: 3,
          storeDir: "/nix/store",
        },
        ...{ uid: 7, gid: 0, uname: "jane", mtime: "@5", graph: ["root"], layers: true },
      },
    );
    assert.equal(isDerivation, true);
    assert.deepEqual(
      args.filter((arg) => ["deps", "layers", "paths"].includes(arg)),
      ["deps", "layers", "paths"],
    );
  });

  it("are in an image's conf, and in its Nix database", async () => {
    const [conf, plain, others, roots] = (await evaluate(`
      let
        layer = tools.buildLayer { paths = [ root ]; };
        image = args: tools.streamLayeredImage ({ name = "a"; layers = [ layer ]; } // args);
        same = image: image.conf.layers == [ layer.outPath ];
      in
      [
        (same (image { }))
        ((tools.streamLayeredImage { name = "a"; }).conf ? layers)
        [ (same (tools.buildLayeredImage { name = "a"; layers = [ layer ]; })) ((image { includeStorePaths = false; }).conf ? layers) ]
        (builtins.any (path: path == root.outPath) (image { includeNixDB = true; }).customisationLayer.exportReferencesGraph.graph)
      ]`)) as unknown[];
    assert.deepEqual([conf, plain, others, roots], [true, false, [true, false], true]);
  });

  it("are left out where nix-snapshotter mounts the store", async () => {
    const facts = await evaluate(`
      let image = make: make { name = "a"; snapshotter = true; }; archive = image tools.buildLayeredImage; in
      [ (image tools.streamLayeredImage).conf.snapshotter archive.conf.snapshotter archive.name (archive.image == "nix:0\${archive.outPath}")
        ((tools.streamLayeredImage { name = "a"; }).conf ? snapshotter) (tools.buildLayeredImage { name = "a"; }).name ]`);
    assert.deepEqual(facts, [true, true, "a.tar", true, false, "a.tar.gz"]);
    await refused(
      '(tools.streamLayeredImage { name = "a"; snapshotter = true; layers = [ (tools.buildLayer { paths = root; }) ]; }).outPath',
      /in docker image a: layers are for images that hold their store paths; leave them out with snapshotter/,
    );
    for (const name of ["loadImage", "copyToPodman"]) {
      await refused(
        `(tools.${name} (tools.streamLayeredImage { name = "a"; snapshotter = true; })).outPath`,
        new RegExp(`${name} takes images that hold their store paths, and a is for nix-snapshotter; push it`),
      );
    }
  });

  it("say what is wrong with an argument", async () => {
    await refused(
      "(tools.buildLayer { }).outPath",
      /buildLayer layer has no paths; give it some store paths/,
    );
    await refused(
      'tools.buildLayer { name = "x"; paths = root; compressor = "xz"; }',
      /buildLayer x: compressor must be one of: \[gz none zstd\]/,
    );
    await refused("tools.buildLayer { paths = root; maxLayers = 0; }", /maxLayers must be 1 or more/);
    await refused("tools.buildLayer { path = root; }", /unexpected argument 'path'/);
    await refused(
      '(tools.streamLayeredImage { name = "a"; layers = [ root ]; }).conf.outPath',
      /in docker image a: layers takes what buildLayer makes; put store paths into/,
    );
    await refused(
      '(tools.streamLayeredImage { name = "a"; layers = root; }).conf.outPath',
      /in docker image a: layers must be a list of what buildLayer makes/,
    );
  });
});
