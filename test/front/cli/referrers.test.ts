import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { attach, readReferrer, referrers } from "#app";
import { encodeDocument, MediaType } from "#oci";
import { artifactManifest } from "#referrers";
import { FakeRegistry } from "#testing";
import { assertFit, HOSTILE } from "../../support/hostile-text.ts";
import { artifact, machineFor, writeIndex } from "../../support/referrers.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

describe("what hangs on an image, at the command line", () => {
  const scope = stacked({ after });
  let folder: string;
  let registry: FakeRegistry;
  let options: { machine: ReturnType<typeof machineFor> };
  let layout: string;
  let images: readonly { digest: string }[];

  before(async () => {
    folder = await temporaryFolder(scope);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    registry.referrers = { api: false };
    options = { machine: machineFor(scope) };
    layout = `oci:${folder}/layout:1`;
    images = (await writeIndex(layout, options.machine)).images;
    writeFileSync(`${folder}/vex.json`, '{"vex":true}');
    writeFileSync(`${folder}/notes.txt`, "notes");
  });

  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args, { cwd: folder });
    return { code, stdout: stdout.toString(), stderr };
  };
  const succeed = async (...args: string[]) => {
    const ran = await run(...args);
    assert.equal(ran.code, 0, ran.stderr);
    return ran;
  };

  it("is attached, shown, and taken along", async () => {
    const vex = "application/vnd.openvex+json";
    const { stderr } = await succeed("attach", layout, "vex.json", "--artifact-type", vex);
    assert.match(
      stderr,
      /^Attached 1 file \(12 B\) to oci:.* as application\/vnd\.openvex\+json\n {2}sha256:/,
    );
    const platform = ["--platform", "linux/arm64"];
    const typed = ["vex.json", "notes.txt:text/plain", "--artifact-type", "text/x-notes"];
    const more = ["--annotation", "a=1", "--annotation", "b=2", "--json"];
    const { stdout } = await succeed("attach", layout, ...typed, ...more, ...platform);
    const attached = JSON.parse(stdout);
    assert.deepEqual(attached.annotations, { a: "1", b: "2" });
    const arm = { ...options, platform: "linux/arm64" };
    const { blobs } = await readReferrer(layout, attached, arm);
    const title = "org.opencontainers.image.title";
    assert.deepEqual(
      blobs.map(({ mediaType, annotations, bytes }) => [mediaType, annotations?.[title], bytes.length]),
      [
        ["text/x-notes", "vex.json", 12],
        ["text/plain", "notes.txt", 5],
      ],
    );

    const shown = (await succeed("tree", layout)).stdout;
    const lines = shown.replaceAll(/sha256:\w+/g, "D").split("\n");
    assert.deepEqual(
      lines.slice(1).map((line) => line.replace(/(linux.*) {2}\d+ B$/, "$1")),
      [
        "D",
        "├─ linux/amd64  D",
        "├─ linux/arm64  D",
        "│  └─ artifact  text/x-notes  D  17 B",
        `└─ VEX (OpenVEX)  ${vex}  D  12 B`,
        "",
      ],
    );
    const { tree } = JSON.parse((await succeed("tree", layout, "--json")).stdout);
    assert.equal(tree.children[1].children[0].descriptor.artifactType, "text/x-notes");

    const pushed = await succeed("push", layout, `${registry.host}/app:1`, "--referrers");
    assert.match(
      pushed.stderr,
      /^Pushed an index of 2 images to .*\n {2}sha256:\w+\n {2}With 2 artifacts that hang on it\n$/,
    );
    assert.equal((await referrers(`docker://${registry.host}/app:1`, {}, arm)).length, 1);
    const inspected = await succeed("inspect", `docker://${registry.host}/app:1`, "--referrers");
    assert.ok(
      inspected.stdout.endsWith(
        shown
          .split("\n")
          .slice(2)
          .map((line) => line && `  ${line}`)
          .join("\n"),
      ),
    );
    const one = ["--referrers", "--json", ...platform];
    const pulled = await succeed("pull", `${registry.host}/app:1`, "oci:pulled:1", ...one);
    const copied = JSON.parse(pulled.stdout);
    assert.equal(copied.digest, images[1]!.digest);
    assert.equal(copied.referrers, 1);
    const told = JSON.parse((await succeed("inspect", "oci:pulled:1", "--referrers", "--json")).stdout);
    assert.equal(told.tree.children[0].descriptor.digest, attached.digest);
  });

  it("is shown without escape sequences, with what is wrong", async () => {
    const place = `docker://${registry.host}/hostile:1`;
    await succeed("copy", layout, place, "--platform", "linux/amd64");
    const one = await attach(place, { ...artifact("x", { [HOSTILE]: HOSTILE }), blobs: [] }, options);
    await using store = await options.machine.transports.referrerStore(place);
    const foreign = artifactManifest({ ...artifact("y"), blobs: [] }, one).value;
    const typed = encodeDocument({ ...foreign, artifactType: HOSTILE }, MediaType.ociManifest);
    await store.putReferrers(images[0]!.digest as never, [typed], undefined);
    await store.putReferrers(one.digest, [typed], undefined);
    for (const command of ["tree", "inspect"]) {
      const { stdout } = await succeed(command, place, ...(command === "tree" ? [] : ["--referrers"]));
      assertFit(stdout);
      assert.match(stdout, /artifact {2}\\x1b\[31m\\x07/);
      assert.match(stdout, /^ *! .* as a referrer of .*, but it has the subject .*; don't trust it$/m);
    }
    const { stdout } = await succeed("tree", place, "--json");
    assertFit(stdout);
    const { code, stderr } = await run("copy", place, "oci:left", "--referrers");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Warning: sha256:\w+ is left behind: .* don't trust it$/m);
    assertFit(stderr);
  });

  it("is refused in words where that can't be", async () => {
    const cases: [string[], number, RegExp][] = [
      [["attach", "x.tar", "vex.json", "--artifact-type", "a/b"], 1, /x\.tar/],
      [["attach", layout, "vex.json"], 2, /required option '--artifact-type <type>'/],
      [
        ["attach", layout, "vex.json", "--artifact-type", "sbom"],
        2,
        /"sbom" is not a media type; write one such as/,
      ],
      [["attach", layout, "gone.json", "--artifact-type", "a/b"], 1, /cannot read gone\.json/],
      [
        ["copy", layout, "docker-archive:x.tar", "--referrers"],
        2,
        /nothing can be attached to an image in docker-archive:x\.tar/,
      ],
      [["copy", layout, "oci:x", "--referrers", "--compression", "zstd"], 2, /cannot be used with/],
      [["inspect", layout, "--raw", "--referrers"], 2, /cannot be used with/],
      [["tree", `docker-archive:${folder}/x.tar`], 2, /nothing can be attached/],
    ];
    for (const [args, status, words] of cases) {
      const { code, stderr } = await run(...args);
      assert.match(stderr, words);
      assert.equal(code, status, args.join(" "));
    }
    assert.ok(!existsSync(`${folder}/x.tar`));
  });
});
