import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { fileOutput, ociArchiveSink, ociLayoutSink } from "#formats";
import { EntryType, readTar, streamInput, type TarEntry } from "#tar";
import { bytesSource } from "#util";
import { writeImage } from "#write";
import { parseConfText } from "../../../src/front/dockertools/conf.ts";
import { confDraft } from "../../../src/front/dockertools/draft.ts";
import { writeLayerFolder } from "../../../src/front/dockertools/layer-folder.ts";
import { confText } from "../../../src/front/dockertools/make-conf.ts";
import { streamConf } from "../../../src/front/dockertools/stream.ts";
import { tarOf } from "../../support/docker-archive.ts";
import { mustRun } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** An image whose store paths are a folder, a file, and a link to the folder. */
async function scene(t: Scope) {
  const folder = await temporaryFolder(t);
  const storeDir = join(folder, "store");
  await mkdir(storeDir);
  const [tree, file, link] = ["a-tree", "b-file", "c-link"].map((name) => join(storeDir, name)) as [
    string,
    string,
    string,
  ];
  writeTree(tree, { dir: { bin: { dir: { program: { file: "#!" } } } } });
  await writeFile(file, "content");
  await symlink(tree, link);
  const customisationLayer = join(folder, "customisation");
  const bytes = await tarOf({ "./bin": { symlink: `${tree}/bin` } });
  await writeLayerFolder(customisationLayer, bytesSource(bytes).open());
  const base = join(folder, "base.json");
  await writeFile(base, '{"architecture":"amd64","config":{},"os":"linux"}');
  const text = await confText(base, {
    ...{
      imageName: "app",
      imageTag: "1",
      created: "@1",
      mtime: "@1",
      uid: 0,
      gid: 0,
      uname: "root",
      gname: "root",
    },
    ...{ storeDir, fromImage: null, customisationLayer, storeLayers: [], storeMounts: [tree, file, link] },
  });
  return { folder, text, conf: parseConfText(text, { now: new Date(0), what: "conf" }), tree, file, link };
}

async function entriesOf(bytes: Uint8Array): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const { entry } of readTar(streamInput(bytesSource(bytes).open()), "layer")) entries.push(entry);
  return entries;
}

describe("an image for nix-snapshotter", () => {
  it("names its store paths in the manifest, and has a place for each, as the plugin's own builder makes them", async (t) => {
    const { folder, conf, tree, file, link } = await scene(t);
    const layout = join(folder, "layout");
    const [written] = await writeImage(await confDraft(conf), [ociLayoutSink({ path: layout, tag: "1" })]);
    const blob = (digest: string) => readFile(join(layout, "blobs", digest.replace(":", "/")));
    const manifest = JSON.parse((await blob(written!.descriptor.digest)).toString());
    const [mounts, last, ...more] = manifest.layers;
    assert.equal(more.length, 0);
    assert.equal(manifest.mediaType, "application/vnd.oci.image.manifest.v1+json");
    // containerd takes a layer for one that a snapshotter may have made by this type.
    assert.equal(mounts.mediaType, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert.deepEqual(mounts.annotations, {
      "containerd.io/snapshot/nix-layer": "true",
      "containerd.io/snapshot/nix-store-path.0": tree,
      "containerd.io/snapshot/nix-store-path.1": file,
      "containerd.io/snapshot/nix-store-path.2": link,
    });
    // So that nothing is mounted while it is unpacked.
    assert.deepEqual(last.annotations, { "containerd.io/snapshot/nix-layer": "true" });
    const entries = await entriesOf(gunzipSync(await blob(mounts.digest)));
    assert.deepEqual(
      entries
        .filter(({ name }) => name.startsWith(conf.storeDir))
        .map(({ name, type, mode, size }) => [name, type, mode, size]),
      [
        [tree, EntryType.directory, 0o755, 0],
        [file, EntryType.file, 0o555, 0],
        [link, EntryType.directory, 0o755, 0],
      ],
    );
    const config = JSON.parse((await blob(manifest.config.digest)).toString());
    assert.equal(config.rootfs.diff_ids.length, 2);
    assert.match(config.history[0].comment, /a-tree.*b-file.*c-link/);
  });

  it("is an OCI archive where an archive is wanted, of the same manifest", async (t) => {
    const { folder, conf } = await scene(t);
    const archive = join(folder, "image.tar");
    const [[inArchive], [inLayout]] = [
      await writeImage(await confDraft(conf), [ociArchiveSink({ output: fileOutput(archive) })]),
      await writeImage(await confDraft(conf), [ociLayoutSink({ path: join(folder, "layout"), tag: "1" })]),
    ];
    assert.equal(inArchive!.descriptor.digest, inLayout!.descriptor.digest);
    const index = JSON.parse(await mustRun(["tar", "-xOf", archive, "index.json"]));
    assert.equal(index.manifests[0].annotations["io.containerd.image.name"], "docker.io/library/app:1");
  });

  it("is refused where there is no manifest for it", async (t) => {
    const { conf } = await scene(t);
    await assert.rejects(Array.fromAsync(streamConf(conf)), {
      code: "USAGE",
      message: /^app:1 is an image for nix-snapshotter, .* push it to a registry/,
    });
  });
});
