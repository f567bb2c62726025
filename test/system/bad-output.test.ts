import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Finished, mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type NixImages, startNixImages } from "./support/nix-images.ts";

describe("output that goes wrong", { skip: requires("nix") }, () => {
  const scope = stacked({ after });
  let images: NixImages;
  let conf: string;
  let spec: string;

  before(async () => {
    images = await startNixImages(scope);
    ({ conf } = await images.stream({ name: "image", program: images.base, env: [] }));
    spec = join(images.folder, "spec.json");
    await writeFile(spec, JSON.stringify({ name: "image", tag: "1", graph: images.base.graph }));
  });

  /** Runs a shell script which finds varve's command line in "$@", in sight of the store. */
  async function script(text: string, args: readonly string[]): Promise<Finished> {
    const command = images.nix.inside(["bash", "-c", text, "bash", ...builtCommand, ...args]);
    return run(command);
  }

  /** The failure is one line, the last of stderr, and nothing but progress is before it. */
  function assertSays(finished: Finished, wording: RegExp): void {
    const errors = /^Error: .*$/gm.exec(finished.stderr);
    assert.ok(errors !== null && finished.stderr.endsWith(`${errors[0]}\n`), finished.stderr);
    assert.match(errors[0], wording);
    assert.equal(finished.code, 1);
  }

  it("a full disk under stdout ends varve stream with a sentence", async () => {
    assertSays(await script('"$@" >/dev/full', ["stream", conf]), /space|full/i);
  });

  it("a full disk under stdout ends varve build with a sentence", async () => {
    assertSays(await script('"$@" >/dev/full', ["build", spec]), /space|full/i);
  });

  it("a full disk under --output ends varve build with the file's name, and no file is left", async () => {
    const disk = join(await temporaryFolder(scope), "disk");
    await mkdir(disk);
    // The disk is there for these commands only; what was left on it is told by `ls`.
    const text = `mount -t tmpfs -o size=512k tmpfs ${disk} && "$@"; status=$?; ls -A ${disk}; exit $status`;
    for (const file of ["full.tar", "full.tar.gz"]) {
      const finished = await script(text, ["build", spec, "--output", join(disk, file)]);
      assertSays(finished, /space|full/i);
      assert.match(finished.stderr, new RegExp(join(disk, file)));
      assert.equal(finished.stdout.toString(), "");
    }
  });

  it("an --output in a folder that is not there ends varve build with the file's name", async () => {
    const file = join(images.folder, "nowhere", "image.tar");
    const finished = await script('"$@"', ["build", spec, "--output", file]);
    assertSays(finished, new RegExp(file));
  });

  it("a failed build leaves the file that was there before as it was", async () => {
    const folder = await temporaryFolder(scope);
    const file = join(folder, "image.tar");
    await writeFile(file, "the image of last week");
    const broken = join(folder, "broken.json");
    await writeFile(broken, JSON.stringify([{ path: "/nix/store/not-there", references: [] }]));
    const finished = await script('"$@"', ["build", spec, "--graph", broken, "--output", file]);
    assertSays(finished, /not-there/);
    assert.equal(await mustRun(["cat", file]), "the image of last week");
    assert.deepEqual(await readdir(folder), ["broken.json", "image.tar"]);
  });

  for (const verb of ["stream", "build"]) {
    it(`a reader that goes away ends varve ${verb} as SIGPIPE would, without a word`, async () => {
      const args = [verb, verb === "stream" ? conf : spec];
      const finished = await script('set -o pipefail; "$@" | head -c 1000 >/dev/null', args);
      assert.equal(finished.code, 141, finished.stderr);
      assert.doesNotMatch(finished.stderr, /Error/);
    });
  }
});
