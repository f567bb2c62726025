import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { thisMachine } from "#app";
import {
  buildImage,
  buildLayeredImage,
  exportImage,
  type ImageArguments,
  mergeImages,
  shadowSetup,
  streamLayeredImage,
} from "#dockertools";
import { mustRun } from "../../../support/process.ts";
import { requires } from "../../../support/systems.ts";
import { members } from "../../../support/tar.ts";
import { temporaryFolder } from "../../../support/tmp.ts";
import { type Tree, writeTree } from "../../../support/tree.ts";

async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const machine = thisMachine({ cache: false });
  t.after(() => machine[Symbol.asyncDispose]());
  const options = { machine: { ...machine, temporary } };
  mkdirSync(join(folder, "store"));
  /** The graph of a chain of components, each with a tree, the first refers to the second and so on. */
  const graph = (name: string, chain: Readonly<Record<string, Tree>>): string => {
    const paths = Object.keys(chain).map((name) => join(folder, "store", name));
    for (const [name, tree] of Object.entries(chain)) {
      try {
        writeTree(join(folder, "store", name), tree);
      } catch {
        // Another graph has it, too.
      }
    }
    const file = join(folder, `${name}.json`);
    writeFileSync(
      file,
      JSON.stringify(paths.map((path, at) => ({ path, references: paths.slice(at + 1, at + 2) }))),
    );
    return file;
  };
  const archive = async (build: typeof buildImage, args: ImageArguments, name: string): Promise<string> => {
    const path = join(folder, name);
    await build(args, { ...options, to: [path] });
    return path;
  };
  return { folder, options, graph, archive, temporary };
}

/** All members of an archive, with their contents. */
async function membersOf(archive: Buffer) {
  return (await members(archive)).map(({ entry, offset }) => ({
    entry,
    content: archive.subarray(offset, offset + entry.size),
  }));
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  // What leaves the library is the caller's to keep.
  return Buffer.concat(await Array.fromAsync(chunks));
}

/** An archive's layers, each as the names in it, and its config. */
async function inspect(archive: Buffer) {
  const all = await membersOf(archive);
  const read = (name: string) => all.find(({ entry }) => entry.name === name)!.content;
  const [manifest] = JSON.parse(read("manifest.json").toString()) as [
    { Config: string; Layers: string[]; RepoTags: string[] },
  ];
  const config = JSON.parse(read(manifest.Config).toString());
  const layers = [];
  for (const name of manifest.Layers)
    layers.push((await membersOf(read(name))).map(({ entry }) => entry.name));
  return { config, layers, names: manifest.RepoTags };
}

const dir = (children: Readonly<Record<string, Tree>>): Tree => ({ dir: children });
const file = (text: string): Tree => ({ file: text });

describe("buildLayeredImage", () => {
  it("gives components layers, contents as links the last one, and of the base its environment only", async (t) => {
    const { folder, options, graph, archive } = await world(t);
    const chain = { app: dir({ bin: dir({ app: file("a") }) }), lib: file("l") };
    const config = { Env: ["A=1"], Cmd: ["/old"] };
    const base = await archive(
      buildImage,
      { name: "base", copyToRoot: join(folder, "store"), config },
      "base.tar",
    );
    const args = {
      name: "Registry/App",
      tag: "1",
      graph: graph("app", chain),
      contents: join(folder, "store/app"),
      fromImage: base,
    };
    const made = await archive(buildLayeredImage, args, "app.tar");
    const {
      config: written,
      layers,
      names,
    } = await inspect(await bytesOf(streamLayeredImage(args, options)));
    assert.deepEqual(names, ["registry/app:1"]);
    assert.deepEqual(
      layers.map((layer) => layer.at(-1)),
      [layers[0]!.at(-1), `${folder}/store/lib`.slice(0), `${folder}/store/app/bin/app`, "/bin/app"],
    );
    assert.deepEqual(written.config.Env, ["A=1"]);
    assert.equal(written.config.Cmd, undefined);
    assert.equal(written.created, "1970-01-01T00:00:01Z");
    await mustRun(["cmp", made, made]);
    const streamed = join(folder, "streamed.tar");
    writeFileSync(streamed, await bytesOf(streamLayeredImage(args, options)));
    await mustRun(["cmp", made, streamed]);
  });
});

it("fields of the config that nobody knows are passed on, as nixpkgs does", async (t) => {
  const { archive } = await world(t);
  for (const build of [buildImage, buildLayeredImage]) {
    const made = await archive(build, { name: "odd", config: { Odd: 1 } }, `${build.name}.tar`);
    assert.equal((await inspect(await readFile(made))).config.config.Odd, 1);
  }
});

describe("buildImage", () => {
  it("has one new layer with what is copied and the components that no base layer has", async (t) => {
    const { folder, graph, archive } = await world(t);
    const chain = { app: dir({ bin: file("a") }), lib: file("l") };
    mkdirSync(join(folder, "root"));
    writeFileSync(join(folder, "root/hello"), "h");
    const first = await archive(
      buildImage,
      { name: "one", graph: graph("lib", { lib: file("l") }) },
      "one.tar",
    );
    for (const fromImage of [undefined, first]) {
      const args = {
        name: "two",
        graph: graph("app", chain),
        copyToRoot: join(folder, "root"),
        ...(fromImage && { fromImage }),
      };
      const { layers } = await inspect(await readArchive(await archive(buildImage, args, "two.tar")));
      assert.equal(layers.length, fromImage === undefined ? 1 : 2);
      const top = layers.at(-1)!;
      assert.equal(top[0], "/hello");
      assert.ok(top.includes(`${folder}/store/app/bin`));
      assert.equal(top.includes(`${folder}/store/lib`), fromImage === undefined);
    }
  });

  it("runs runAsRoot before extraCommands, and leaves nothing behind", {
    skip: requires("root", "busybox"),
  }, async (t) => {
    const { folder, options, archive, temporary, graph } = await world(t);
    mkdirSync(join(folder, "root/bin"), { recursive: true });
    await mustRun(["sh", "-c", 'cp "$(command -v busybox)" "$1"', "sh", join(folder, "root/bin")]);
    symlinkSync("busybox", join(folder, "root/bin/sh"));
    const args = {
      name: "scripted",
      copyToRoot: join(folder, "root"),
      graph: graph("lib", { lib: dir({ f: file("l") }) }),
      runAsRoot: "echo one > /text",
      extraCommands: "echo two >> text; [ ! -e store ]",
      permissions: [{ path: "/text", uid: 7 }],
    };
    const path = await archive(buildImage, args, "scripted.tar");
    const { layers } = await inspect(await readArchive(path));
    assert.equal(layers.length, 1);
    assert.deepEqual(
      layers[0]!.filter((name) => /text|lib/.test(name)).map((name) => name.replace(folder.slice(1), "…")),
      ["text", "…/store/lib", "…/store/lib/f"],
    );
    const flat = await membersOf(await bytesOf(exportImage({ fromImage: path }, options)));
    const text = flat.find(({ entry }) => entry.name === "text")!;
    assert.deepEqual([text.content.toString(), text.entry.uid], ["one\ntwo\n", 7]);
    assert.deepEqual(readdirSync(temporary), []);

    const failing = archive(buildImage, { ...args, extraCommands: "false" }, "failing.tar");
    await assert.rejects(failing, {
      code: "SCRIPT_FAILED",
      message: /^extraCommands failed in line 1/,
    });
    assert.deepEqual(readdirSync(temporary), []);
    assert.ok(!readdirSync(folder).includes("failing.tar"));
  });
});

it("mergeImages keeps each image's names, and exportImage is the root file system", async (t) => {
  const { folder, options, archive } = await world(t);
  writeTree(join(folder, "one"), dir({ a: file("1") }));
  writeTree(join(folder, "two"), dir({ a: file("2"), b: file("b") }));
  const one = await archive(
    buildImage,
    { name: "one", tag: "1", copyToRoot: join(folder, "one") },
    "one.tar",
  );
  const two = await archive(
    buildImage,
    { name: "two", tag: "2", copyToRoot: join(folder, "two"), fromImage: one },
    "two.tar",
  );
  const merged = await membersOf(await bytesOf(mergeImages([one, two], options)));
  const manifest = JSON.parse(merged.at(-1)!.content.toString()) as { RepoTags: string[] }[];
  assert.deepEqual(
    manifest.map(({ RepoTags }) => RepoTags),
    [["one:1"], ["two:2"]],
  );
  const flat = await membersOf(await bytesOf(exportImage({ fromImage: two }, options)));
  assert.deepEqual(
    flat.map(({ entry, content }) => `${entry.name} ${content}`),
    ["a 2", "b b"],
  );
  await assert.rejects(bytesOf(mergeImages([], options)), { code: "USAGE" });
});

it("shadowSetup makes what is missing and leaves what is there", {
  skip: requires("root", "busybox"),
}, async (t) => {
  const { folder, options, archive } = await world(t);
  writeTree(
    join(folder, "root"),
    dir({ bin: dir({ sh: { link: "busybox" } }), etc: dir({ passwd: file("root:x:0:0::/:/bin/sh\n") }) }),
  );
  await mustRun(["sh", "-c", 'cp "$(command -v busybox)" "$1"', "sh", join(folder, "root/bin")]);
  for (const name of ["mkdir", "chmod"]) symlinkSync("busybox", join(folder, "root/bin", name));
  const runAsRoot = `${shadowSetup}echo "jane:x:1:1:::" >>/etc/passwd`;
  const path = await archive(buildImage, { name: "s", copyToRoot: join(folder, "root"), runAsRoot }, "s.tar");
  const flat = await membersOf(await bytesOf(exportImage({ fromImage: path }, options)));
  const read = (name: string) => flat.find(({ entry }) => entry.name === name)!;
  assert.match(read("etc/passwd").content.toString(), /^root:x:0:0::\/:\/bin\/sh\njane:x:1:1:/);
  assert.match(read("etc/shadow").content.toString(), /^root:!:/);
  assert.equal(read("etc/gshadow").entry.mode, 0o640);
  assert.ok(read("etc/pam.d/other").content.includes("pam_rootok.so"));
});

async function readArchive(path: string): Promise<Buffer> {
  return await readFile(path);
}
