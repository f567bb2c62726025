import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ImageLock } from "#app";
import { digestOf, parseDigest } from "#oci";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

const sha256 = (letter: string) => parseDigest(`sha256:${letter.repeat(64)}`, "a test");

/** A manifest's text, in which Nix' own ways to write one are. */
const TEXT = `{"schemaVersion": 2,\t"é": "''$\{x}"}\r\n`;

/** Digests of blobs; the second layer is there twice. */
const DIGESTS = ["c", "1", "2", "1"].map((letter) => sha256(letter));
const [CONFIG, ...LAYERS] = DIGESTS.map((digest, at) => ({ mediaType: "m", digest, size: 10 + (at % 3) }));

describe("fromImageLock", { skip: requires("nixEvaluation") }, () => {
  const scope = stacked({ after });
  let folder: string;

  before(async () => {
    folder = await temporaryFolder(scope);
  });

  /** The Nix path of a lock file. */
  async function lockFile(change: object = {}): Promise<string> {
    const lock: ImageLock = {
      lockVersion: 1,
      reference: "example.org/a/base:1",
      digest: sha256("d"),
      platform: "linux/amd64",
      manifest: { mediaType: "m", digest: digestOf(Buffer.from(TEXT)), size: 40, text: TEXT },
      config: CONFIG!,
      layers: LAYERS,
    };
    const path = join(folder, "base.lock.json");
    await writeFile(path, JSON.stringify({ ...lock, ...change }, null, 2));
    return path;
  }

  it("is a base for every function that takes one", async () => {
    const lock = await lockFile();
    const places = (await evaluate(`
      let args = { name = "x"; fromImageLock = ${lock}; }; in
      [ (tools.streamLayeredImage args).conf.fromImage
        (tools.streamLayeredImage args).customisationLayer.spec.fromImage
        (tools.buildLayeredImage args).conf.fromImage
        (tools.buildImage args).fromImage
        (tools.buildImage args).layer.spec.fromImage
        (tools.exportImage args).from
        (tools.streamNixShellImage { drv = root; fromImageLock = ${lock}; }).conf.fromImage
        (tools.buildNixShellImage { drv = root; fromImageLock = ${lock}; }).conf.fromImage ]`)) as string[];
    assert.match(places[0]!, /^oci:\/nix\/store\/\w{32}-locked-image$/);
    assert.deepEqual(places, Array(8).fill(places[0]));
  });

  it("has each blob as a fixed output of its own, by its own digest, whatever the reference says", async () => {
    const fetched = (lock: string) =>
      evaluate(`map (blob: { inherit (blob) args outputHash outputHashAlgo outputHashMode impureEnvVars; path = blob.outPath; })
        (tools.lockedImage ${lock}).blobs`) as Promise<Record<string, unknown>[]>;
    const blobs = await fetched(await lockFile());
    assert.deepEqual(
      blobs.map(({ outputHash, outputHashAlgo, outputHashMode }) => [
        outputHash,
        outputHashAlgo,
        outputHashMode,
      ]),
      ["1", "2", "c"].map((letter) => [letter.repeat(64), "sha256", "flat"]),
    );
    const args = blobs[0]!["args"] as string[];
    assert.deepEqual(args.slice(0, 5), ["nix", "blob", "example.org/a/base:1", LAYERS[0]!.digest, "11"]);
    assert.deepEqual(args.slice(6, 7), ["--cacert"]);
    assert.ok((blobs[0]!["impureEnvVars"] as string[]).includes("https_proxy"));

    const moved = await fetched(await lockFile({ reference: "example.org/a/base:2", insecure: true }));
    assert.deepEqual(
      moved.map(({ path }) => path),
      blobs.map(({ path }) => path),
    );
    assert.ok((moved[0]!["args"] as string[]).includes("--insecure"));
  });

  it("is put together of links to the blobs, the manifest's own text and an index", async () => {
    const text = (await evaluate(
      `builtins.concatStringsSep "" (tools.lockedImage ${await lockFile()}).args`,
    )) as string;
    const links = [...text.matchAll(/^ *ln -s \/nix\/store\/\w{32}-(\S+) (\S+)$/gm)].map(([, from, to]) => [
      from,
      to,
    ]);
    assert.deepEqual(links, [
      ["index.json", "index.json"],
      ["manifest.json", `blobs/sha256/${digestOf(Buffer.from(TEXT)).slice(7)}`],
      ...["1", "2", "c"].map((letter) => ["image-blob", `blobs/sha256/${letter.repeat(64)}`]),
    ]);
  });

  it("is refused beside fromImage, and where the file isn't what varve lock wrote", async () => {
    const lock = await lockFile();
    const fails = async (expression: string, message: RegExp) => {
      const { code, stderr } = await tryToEvaluate(expression);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
    };
    await fails(
      `(tools.buildImage { name = "x"; fromImage = root; fromImageLock = ${lock}; }).outPath`,
      /in docker image x: You can not specify both fromImage and fromImageLock\./,
    );
    await fails("tools.exportImage { }", /exportImage has no image; give it fromImage or fromImageLock/);
    const broken = async (change: object, message: RegExp) =>
      await fails(`(tools.lockedImage ${await lockFile(change)}).outPath`, message);
    await broken({ lockVersion: 2 }, /base\.lock\.json is no lock file of this varve, .* lockVersion 1/);
    await broken(
      { manifest: { digest: CONFIG!.digest, text: "{}" } },
      /base\.lock\.json was changed: .* make it again with varve lock example\.org\/a\/base:1/,
    );
    await broken({ config: { digest: "sha256:x", size: 1 } }, /"sha256:x" is not a digest/);
  });
});
