import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { dockerArchiveSink, fileOutput, ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { hasContent, readTar, streamInput } from "#tar";
import { type MadeEntry, madeImage } from "#testing";
import { writeImage } from "#write";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtVarve as varve } from "../support/varve.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { startPodman } from "./support/podman.ts";

const dir: MadeEntry = { dir: true };
const link = (target: string): MadeEntry => ({ link: target });
/** With the mode and time of what it leads to: Docker gives those of the link to the file. */
const hardLink = (target: string, fields: MadeEntry = {}): MadeEntry => ({
  ...{ link: target, type: "1", mode: 0o644 },
  ...fields,
});

/** A layer of its own has a file behind a link of the one below. */
const BEHIND_A_LINK: typeof LAYERS = [
  { usr: dir, "usr/lib": dir, "usr/lib/a": "a", lib: link("usr/lib") },
  { "lib/b": "b" },
];

/** What the layers of a real image do to each other, and runtimes agree on. */
const LAYERS: readonly Readonly<Record<string, string | MadeEntry>>[] = [
  {
    usr: dir,
    "usr/bin": dir,
    "usr/bin/ls": { content: "ls", mode: 0o755, mtime: 1_000_000 },
    "usr/bin/dir": hardLink("usr/bin/ls", { mode: 0o755, mtime: 1_000_000 }),
    "usr/bin/su": { content: "su", mode: 0o4755 },
    bin: link("usr/bin"),
    "bin/behind-a-link": { content: "x", mode: 0o755 },
    var: dir,
    "var/tmp": { dir: true, mode: 0o1777 },
    "var/cache": { dir: true, mode: 0o700, uid: 7, gid: 8 },
    "var/cache/old": "old",
    "var/cache/sub": dir,
    "var/cache/sub/old": "old",
    "var/gone": dir,
    "var/gone/a": "a",
    "var/gone-file": "a",
    "var/replaced": dir,
    "var/replaced/a": "a",
    "var/was-a-file": "a",
    "var/fifo": { type: "6", mode: 0o600 },
    "var/absolute": link("/usr/bin/ls"),
    "var/dangling": link("../nowhere"),
    "var/ä€": "not ASCII",
    [`var/${"long-name-".repeat(20)}`]: "long",
  },
  {
    var: dir,
    "var/.wh.gone": "",
    "var/.wh.gone-file": "",
    "var/cache": { dir: true, mode: 0o711, uid: 70_000, gid: 5_000_000 },
    "var/cache/.wh..wh..opq": "",
    "var/cache/new": "new",
    "var/replaced": "a file now",
    "var/was-a-file": dir,
    "var/was-a-file/b": "b",
  },
  {
    usr: dir,
    "usr/bin": dir,
    var: dir,
    "var/cache": { dir: true, mode: 0o711, uid: 70_000, gid: 5_000_000 },
    "var/cache/new": "newer",
    "var/names": { content: "twice", mtime: 42 },
    "var/names-too": hardLink("var/names", { mtime: 42 }),
    "usr/bin/ls": { content: "other", mode: 0o700 },
  },
];

describe("varve export", { skip: requires("docker", "podman", "umoci") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let dockerd: Dockerd;
  let exported: Map<string, object>;

  before(async () => {
    folder = await temporaryFolder(scope);
    dockerd = await startDockerd(scope);
    await write("image", LAYERS);
    exported = await exportedBy("image");
  });

  it("has every entry that a container of the Docker Engine has, as it has it", async () => {
    await dockerd.load(join(folder, "image.tar"));
    assert.deepEqual(exported, await inDocker("image"));
  });

  it("covers a link of a lower layer with a directory, as the Docker Engine does", async () => {
    await write("covered", BEHIND_A_LINK);
    const ours = await exportedBy("covered");
    await dockerd.load(join(folder, "covered.tar"));
    const theirs = await inDocker("covered");
    assert.deepEqual([...ours.keys()], ["lib", "lib/b", "usr", "usr/lib", "usr/lib/a"]);
    assert.deepEqual([...ours.keys()], [...theirs.keys()]);
  });

  it("has every entry that umoci unpacks, as it unpacks it", async () => {
    const bundle = join(folder, "bundle");
    await mustRun(["umoci", "unpack", "--image", `${folder}/layout:image`, bundle]);
    assert.deepEqual(await entriesOf(await tarOf(join(bundle, "rootfs"))), exported);
  });

  it("is taken by the Docker Engine and by Podman as an image of one layer, which has what it has", async () => {
    const archive = join(folder, "image-exported.tar");
    const imported = await dockerd.docker(["import", archive, "imported:1"]);
    assert.equal(imported.code, 0, imported.stderr);
    assert.deepEqual(await inDocker("imported"), exported);
    const podman = await startPodman(scope, folder);
    await podman("import", "--quiet", archive, "imported:1");
    const root = (await podman("image", "mount", "imported:1")).trim();
    try {
      assert.deepEqual(await entriesOf(await tarOf(root)), exported);
    } finally {
      await podman("image", "unmount", "imported:1");
    }
  });

  it("is unpacked by GNU tar to the same entries, with their times", async () => {
    const root = join(folder, "root");
    await mustRun(["mkdir", root]);
    await mustRun([
      "tar",
      "-x",
      "-p",
      "--numeric-owner",
      "-f",
      join(folder, "image-exported.tar"),
      "-C",
      root,
    ]);
    assert.deepEqual(await entriesOf(await tarOf(root)), exported);
  });

  async function write(name: string, layers: typeof LAYERS): Promise<void> {
    const image = await madeImage(
      layers.map((entries, index) => ({ entries, ...(index === 1 ? { gzip: 6 } : {}) })),
      { config: { Cmd: ["/usr/bin/ls"] } },
    );
    const output = fileOutput(join(folder, `${name}.tar`));
    const layout = ociLayoutSink({ path: join(folder, "layout"), tag: name });
    await writeImage(draftOf(image), [dockerArchiveSink({ output, names: [`${name}:1`] }), layout]);
  }

  async function exportedBy(name: string): Promise<Map<string, object>> {
    const tar = join(folder, `${name}-exported.tar`);
    const { code, stderr } = await varve(["export", `oci:${folder}/layout:${name}`, tar]);
    assert.equal(code, 0, stderr);
    return await entriesOf(tar);
  }

  /** What a container of the image has, but for what the engine puts into every container. */
  async function inDocker(name: string): Promise<Map<string, object>> {
    const created = await dockerd.docker(["create", "--name", name, `${name}:1`, "x"]);
    assert.equal(created.code, 0, created.stderr);
    const tar = join(folder, `${name}-docker.tar`);
    const saved = await dockerd.docker(["export", "--output", tar, name]);
    assert.equal(saved.code, 0, saved.stderr);
    const found = await entriesOf(tar);
    for (const path of found.keys())
      if (/^(\.dockerenv|dev|etc|proc|sys)(\/|$)/.test(path)) found.delete(path);
    return found;
  }

  async function tarOf(root: string): Promise<string> {
    const tar = join(folder, "packed.tar");
    await mustRun(["tar", "--format=pax", "--sort=name", "-cf", tar, "-C", root, "."]);
    return tar;
  }
});

/** What an archive has at each path, none of them twice; but for the root, and which of a file's names is first. */
async function entriesOf(path: string): Promise<Map<string, object>> {
  const found = new Map<string, { hash: string }>();
  const names = new Map<string, string[]>();
  for await (const { entry, read } of readTar(streamInput(createReadStream(path)), path)) {
    const name = entry.name.replace(/^\.\/|\/$|^\.$/g, "");
    assert.ok(!found.has(name), `${path} has ${name} twice`);
    if (name === "") continue;
    const { type, mode, uid, gid, mtime, linkname = "" } = entry;
    if (type === "1") {
      const target = linkname.replace(/^\.\//, "");
      const group = names.get(target)!;
      group.push(name);
      names.set(name, group);
      found.set(name, found.get(target)!);
      continue;
    }
    const bytes = hasContent(type) ? await read(entry.size) : Buffer.alloc(0);
    const hash = createHash("sha256").update(bytes).digest("hex");
    found.set(name, {
      type,
      mode: type === "2" ? 0 : mode & 0o7777,
      uid,
      gid,
      mtime: Math.floor(mtime),
      link: type === "2" ? linkname : "",
      hash,
    } as { hash: string });
    names.set(name, [name]);
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([name, entry]) => [name, { ...entry, names: [...names.get(name)!].sort() }]));
}
