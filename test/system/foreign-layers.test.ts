/** Layers as other programs write them are, for varve, what they are for Docker, containerd and umoci. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mergedDockerArchive, ociLayoutSource } from "#formats";
import { EntryType, readTar, streamInput } from "#tar";
import { bytesSource, readChunks } from "#util";
import { assertFailed } from "../support/failure.ts";
import { AMD64, Layout, REF_NAME } from "../support/layout.ts";
import { mustRun, run } from "../support/process.ts";
import { python } from "../support/python.ts";
import { writeSparse } from "../support/sparse-file.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtVarve as varve } from "../support/varve.ts";
import { type Containerd, startContainerd } from "./support/containerd.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { startRegistry } from "./support/registry.ts";

type Files = Readonly<Record<string, string>>;

const HOLE = Buffer.concat([Buffer.alloc(300_000), Buffer.from("content"), Buffer.alloc(100_001)]);
const FILES: Files = { "d/file": "abc", "d/hole": HOLE.toString("latin1"), [`d/${"long-".repeat(40)}`]: "x" };
const SHORT: Files = { "d/file": "abc" };

/** Whoever writes a tree as an archive. */
const ARCHIVERS: Readonly<Record<string, (folder: string, archive: string) => Promise<unknown>>> = {
  "GNU tar, in GNU's format": (folder, archive) =>
    mustRun(["tar", "-C", folder, "--format=gnu", "-cf", archive, "d"]),
  ...Object.fromEntries(
    ["0.0", "0.1", "1.0"].map((version) => [
      `GNU tar, with sparse files in form ${version}`,
      (folder: string, archive: string) =>
        mustRun([
          ...(["tar", "-C", folder, "--format=posix", "--sparse", `--sparse-version=${version}`] as const),
          ...["-cf", archive, "d"],
        ]),
    ]),
  ),
  "GNU tar, a block at a time": (folder, archive) =>
    mustRun(["tar", "-C", folder, "--blocking-factor=1", "-cf", archive, "d"]),
  "busybox tar": (folder, archive) => mustRun(["busybox", "tar", "-C", folder, "-cf", archive, "d"]),
  "Python's tarfile": (folder, archive) =>
    mustRun([
      python!,
      "-c",
      "import tarfile, sys\nwith tarfile.open(sys.argv[2], 'w') as tar: tar.add(sys.argv[1], 'd')",
      `${folder}/d`,
      archive,
    ]),
};

describe("a layer that another program wrote", {
  skip: requires("docker", "containerd", "umoci", "busybox", "python"),
}, () => {
  const scope = stacked({ after });
  const layout = new Layout();
  let folder: string;
  let dockerd: Dockerd;
  let containerd: Containerd;

  before(async () => {
    folder = await temporaryFolder(scope);
    dockerd = await startDockerd(scope);
    containerd = await startContainerd(scope);
    mkdirSync(`${folder}/tree/d`, { recursive: true });
    for (const [name, content] of Object.entries(FILES)) {
      writeSparse(`${folder}/tree/${name}`, Buffer.from(content, "latin1"));
    }
    mkdirSync(`${folder}/store/own`, { recursive: true });
    writeFileSync(`${folder}/store/own/file`, "own");
    writeFileSync(`${folder}/graph.json`, JSON.stringify([{ path: `${folder}/store/own`, references: [] }]));
  });

  for (const [archiver, pack] of Object.entries(ARCHIVERS)) {
    it(`${archiver}, has for varve what it has for Docker, containerd and umoci`, async () => {
      await pack(`${folder}/tree`, `${folder}/layer.tar`);
      await assertReadByAll(readFileSync(`${folder}/layer.tar`), FILES);
    });
  }

  it("without an end marker, with half of one, or with a last block that isn't filled up, is whole", async () => {
    mkdirSync(`${folder}/short/d`, { recursive: true });
    writeFileSync(`${folder}/short/d/file`, "abc");
    await mustRun(["tar", "-C", `${folder}/short`, "--blocking-factor=1", "-cf", `${folder}/short.tar`, "d"]);
    const whole = readFileSync(`${folder}/short.tar`);
    for (const less of [1024, 512, 1024 + 509]) {
      await assertReadByAll(whole.subarray(0, whole.length - less), SHORT);
    }
  });

  it("of no bytes is an empty layer", async () => {
    await assertReadByAll(Buffer.alloc(0), {});
  });

  it("with GNU's older sparse files is refused by all of them", async () => {
    const archive = `${folder}/old.tar`;
    await mustRun(["tar", "-C", `${folder}/tree`, "--format=gnu", "--sparse", "-cf", archive, "d"]);
    const { path, docker } = await write(readFileSync(archive), "old");
    assertFailed(
      await varve(["validate", `oci:${path}`]),
      /sparse file d\/hole in a form that varve doesn't read/,
    );
    const bundle = await run(["umoci", "unpack", "--image", `${path}:old`, `${folder}/old-bundle`]);
    assert.notEqual(bundle.code, 0);
    await assert.rejects(dockerd.load(docker), /unhandled tar header type 83/);
    await assert.rejects(containerd.ctr("images", "import", "--snapshotter", "native", docker));
  });

  let count = 0;

  /** An image with that layer, as a layout and as a docker-archive. */
  async function write(tar: Uint8Array, tag: string): Promise<{ path: string; docker: string }> {
    const path = `${folder}/layout-${tag}`;
    layout.holds(layout.foreign(tar, "gzip", { annotations: { [REF_NAME]: tag } })).toFolder(path);
    const image = await ociLayoutSource({ path }).read(AMD64);
    const docker = `${folder}/${tag}.tar`;
    const chunks: Uint8Array[] = [];
    const named = { ...image, names: [`app:${tag}`] };
    for await (const chunk of mergedDockerArchive([named])) chunks.push(Uint8Array.from(chunk));
    writeFileSync(docker, Buffer.concat(chunks));
    return { path, docker };
  }

  async function assertReadByAll(tar: Uint8Array, files: Files): Promise<void> {
    const tag = `n${++count}`;
    const { path, docker } = await write(tar, tag);
    const bundle = `${folder}/bundle-${tag}`;
    await mustRun(["umoci", "unpack", "--image", `${path}:${tag}`, bundle]);
    for (const [name, content] of Object.entries(files)) {
      assert.ok(readFileSync(join(bundle, "rootfs", name), "latin1") === content, `umoci: ${name}`);
    }
    rmSync(bundle, { recursive: true });

    await dockerd.load(docker);
    const created = await dockerd.docker(["create", "--name", tag, `app:${tag}`, "x"]);
    assert.equal(created.code, 0, created.stderr);
    const exported = `${folder}/${tag}-docker.tar`;
    assert.equal((await dockerd.docker(["export", "--output", exported, tag])).code, 0);
    assert.deepEqual(onlyOf(await contentsOf(exported), files), files, "Docker");
    await containerd.ctr("images", "import", "--snapshotter", "native", docker);

    await succeed("validate", `oci:${path}`);
    for (const place of [`oci:${path}`, `docker-archive:${docker}`]) {
      await succeed("export", "--quiet", place, `${folder}/${tag}-root.tar`);
      assert.deepEqual(await contentsOf(`${folder}/${tag}-root.tar`), files, place);
    }
    await succeed("copy", "--quiet", `oci:${path}`, `oci:${folder}/copy-${tag}`);

    const own = `${folder}/store/own`;
    const spec = {
      name: "on-top",
      tag,
      graph: `${folder}/graph.json`,
      fromImage: `oci:${path}`,
      contents: [own],
    };
    writeFileSync(`${folder}/${tag}.json`, JSON.stringify(spec));
    await succeed("build", "--quiet", `${folder}/${tag}.json`, "--output", `${folder}/${tag}-built.tar`);
    await dockerd.load(`${folder}/${tag}-built.tar`);
    await succeed("export", "--quiet", `${folder}/${tag}-built.tar`, `${folder}/${tag}-root.tar`);
    const built = await contentsOf(`${folder}/${tag}-root.tar`);
    assert.deepEqual(onlyOf(built, files), files);
    assert.equal(built[`${own.slice(1)}/file`], "own");
  }
});

describe("an image of 1,100 MB of zeros", { skip: requires("docker") }, () => {
  it("is written, validated, copied, exported and loaded, though a thousandth is left of it", async (t) => {
    const folder = await temporaryFolder(t);
    const dockerd = await startDockerd(t);
    const path = `${folder}/store/zeros`;
    mkdirSync(`${folder}/store`);
    writeFileSync(path, "");
    truncateSync(path, 1.1e9);
    writeFileSync(`${folder}/graph.json`, JSON.stringify([{ path, references: [] }]));
    writeFileSync(
      `${folder}/spec.json`,
      JSON.stringify({ name: "zeros", tag: "1", graph: `${folder}/graph.json` }),
    );
    await succeed("build", "--quiet", `${folder}/spec.json`, "--output", `oci:${folder}/layout:1`);
    await succeed("validate", `oci:${folder}/layout`);
    await succeed("copy", "--quiet", "--compression", "zstd", `oci:${folder}/layout`, `oci:${folder}/zstd`);
    await succeed("export", "--quiet", `oci:${folder}/zstd`, `${folder}/root.tar`);
    const env = { DOCKER_HOST: `unix://${dockerd.socket}` };
    const loaded = await varve(["load", "--quiet", `oci:${folder}/layout`], { env });
    assert.equal(loaded.code, 0, loaded.stderr);
  });
});

// What Debian has of umoci and skopeo reads no manifest that is known so.
describe("an image that is known by sha512", { skip: requires("registry") }, () => {
  it("goes to a registry and back as it is", async (t) => {
    const folder = await temporaryFolder(t);
    const registry = await startRegistry(t);
    const layout = new Layout("sha512");
    const path = `${folder}/layout`;
    const manifest = await layout.image({}, { annotations: { [REF_NAME]: "1" } });
    layout.holds(manifest).toFolder(path);
    for (const place of [`docker://${registry.host}/app:1`, `oci-archive:${folder}/copy.tar:1`]) {
      await succeed("copy", "--quiet", `oci:${path}`, place);
      await succeed("validate", place);
      const back = `${folder}/back-${place.slice(0, 6)}`;
      await succeed("copy", "--quiet", place, `oci:${back}:1`);
      const image = await ociLayoutSource({ path: back }).read(AMD64);
      assert.deepEqual(
        Buffer.from(image.manifest!.bytes),
        layout.files.get(`blobs/${manifest.digest.replace(":", "/")}`),
      );
    }
    const root = await varve(["export", "--quiet", `docker://${registry.host}/app:1`]);
    assert.equal(root.code, 0, root.stderr);
    assert.deepEqual(await contentsIn(bytesSource(root.stdout).open()), { base: "base", file: "text" });
  });
});

async function succeed(...args: string[]): Promise<void> {
  const { code, stderr } = await varve(args);
  assert.equal(code, 0, `varve ${args.join(" ")}: ${stderr}`);
}

const contentsOf = (path: string) => contentsIn(readChunks(path));

/** The files' contents in an archive. */
async function contentsIn(chunks: AsyncIterable<Uint8Array>): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const input = streamInput(chunks);
  for await (const { entry, read } of readTar(input, "the archive")) {
    if (entry.type !== EntryType.file) continue;
    files[entry.name.replace(/^\.\//, "")] = Buffer.from(await read(entry.size)).toString("latin1");
  }
  await input.drain();
  return files;
}

function onlyOf(found: Files, wanted: Files): Files {
  return Object.fromEntries(Object.entries(found).filter(([name]) => Object.hasOwn(wanted, name)));
}
