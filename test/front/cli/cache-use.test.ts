import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { decodeEntries, type LayerKey, openDigestCache } from "#cache";
import { digestOf } from "#oci";
import { Transports } from "#transports";
import { filesIn } from "../../layers/cache/support/samples.ts";
import { seededBytes } from "../../support/drafts.ts";
import { assertFailed } from "../../support/failure.ts";
import { AMD64, bytesOf } from "../../support/layout.ts";
import { mustRun } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { members } from "../../support/tar.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

/** Images of one store: a spec whose graph has NAR hashes, one whose graph has none, and a conf for `varve stream`. */
interface TestImages {
  readonly folder: string;
  /** The command lines that write each image to stdout, which all tell the same bytes each time. */
  readonly commands: { readonly portable: string[]; readonly local: string[]; readonly stream: string[] };
}

type CommandName = keyof TestImages["commands"];

const COMMANDS: readonly CommandName[] = ["portable", "local", "stream"];

/** A varve is killed after it has written less than so many bytes: the rest of its image is more than any pipe takes. */
const KILL_WITHIN = 100_000;

/** How many paths the store has, each of which is a layer. */
const PATHS = 2;

async function testImages(scope: Pick<TestContext, "after">, size = 3000): Promise<TestImages> {
  const folder = await temporaryFolder(scope);
  const store = join(folder, "store");
  const paths = Array.from({ length: PATHS }, (_, index) => join(store, `path-${index}`));
  for (const [index, path] of paths.entries()) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "file"), Buffer.alloc(size, `${index} `));
  }
  const narHash = (index: number) => `sha256-${Buffer.alloc(32, index).toString("base64")}`;
  const graph = (name: string, hashed: boolean) => {
    const entries = paths.map((path, index) => ({
      path,
      references: [],
      ...(hashed ? { narHash: narHash(index) } : {}),
    }));
    writeFileSync(join(folder, `${name}.graph`), JSON.stringify(entries));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ name, tag: "1", graph: `${name}.graph` }));
    return ["build", join(folder, `${name}.json`), "--quiet"];
  };
  const layer = Buffer.alloc(10240);
  mkdirSync(join(folder, "customisation"));
  writeFileSync(join(folder, "customisation", "layer.tar"), layer);
  writeFileSync(join(folder, "customisation", "checksum"), digestOf(layer).slice("sha256:".length));
  const conf = {
    architecture: "amd64",
    created: "1970-01-01T00:00:01Z",
    mtime: "1970-01-01T00:00:01Z",
    config: {},
    uid: "0",
    gid: "0",
    uname: "root",
    gname: "root",
    store_dir: store,
    store_layers: paths.map((path) => [path]),
    customisation_layer: join(folder, "customisation"),
    repo_tag: "stream:1",
    from_image: null,
  };
  writeFileSync(join(folder, "conf.json"), JSON.stringify(conf));
  return {
    folder,
    commands: {
      portable: graph("portable", true),
      local: graph("local", false),
      stream: ["stream", join(folder, "conf.json")],
    },
  };
}

/** Waits until what is in a folder may be kept: until nothing of it has changed for two seconds. */
async function settled(folder: string): Promise<void> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const lastChange = Math.max(...names.map((name) => lstatSync(join(folder, name)).ctimeMs));
  while (Date.now() <= lastChange + 2000) await setTimeout(50);
}

/** What a command that must succeed writes to stdout. */
async function output(command: readonly string[], cacheDir: string | undefined): Promise<Buffer> {
  const cache = cacheDir === undefined ? ["--no-cache"] : ["--cache-dir", cacheDir];
  const { code, stdout, stderr } = await varve([...command, ...cache]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Puts something else in the place of every digest of layers that a cache has, with checksums that are right. */
function falsify(cacheDir: string): number {
  const cache = openDigestCache({ folder: cacheDir, now: Date.now });
  const files = filesIn(cacheDir).filter((file) => file.includes("/layer/"));
  for (const file of files) {
    const [entry] = decodeEntries(readFileSync(file)).entries;
    const { key, digest, size, portable } = entry!;
    cache.putLayer(key as LayerKey, { diffId: digestOf(Buffer.from(digest)), size, portable });
  }
  return files.length;
}

const scope = stacked({ after });
let images: TestImages;
/** What each command writes without a cache. */
let truth: Map<CommandName, Buffer>;

before(async () => {
  images = await testImages(scope, 400_000);
  await settled(images.folder);
  truth = new Map();
  for (const name of COMMANDS) truth.set(name, await output(images.commands[name], undefined));
});

describe("a digest cache that is wrong", { concurrency: 2 }, () => {
  /** A cache in which all that a command keeps is false. */
  async function falseCache(t: TestContext, name: CommandName): Promise<string> {
    const cacheDir = join(await temporaryFolder(t), "cache");
    assert.deepEqual(await output(images.commands[name], cacheDir), truth.get(name));
    assert.ok(falsify(cacheDir) >= PATHS);
    return cacheDir;
  }

  for (const name of ["portable", "stream"] as const) {
    it(`ends varve ${name === "stream" ? "stream" : `build to stdout (${name})`} by name, until all of it is forgotten`, async (t) => {
      const cacheDir = await falseCache(t, name);
      const command = [...images.commands[name], "--cache-dir", cacheDir];
      let last = await varve(command);
      let runs = 1;
      for (; last.code !== 0; runs++) {
        assertFailed(last, /^Error: the layer of .* isn't what the digest cache says/);
        // What has been written is no archive: it ends within a member.
        await assert.rejects(members(last.stdout), { code: "INVALID_TAR" });
        assert.ok(runs <= PATHS + 1, "what was wrong is forgotten");
        last = await varve(command);
      }
      assert.ok(runs > 1);
      assert.deepEqual(last.stdout, truth.get(name));
    });
  }

  for (const [name, transport] of [
    ["portable", "docker-archive"],
    ["portable", "oci"],
    ["local", "oci-archive"],
  ] as const) {
    it(`lets varve build write the truth to a place (${transport}, ${name})`, async (t) => {
      const cacheDir = await falseCache(t, name);
      const place = `${transport}:${join(cacheDir, "..", "image")}`;
      const { code, stderr } = await varve(
        [...images.commands[name], "--output", place, "--cache-dir", cacheDir].filter(
          (arg) => arg !== "--quiet",
        ),
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, /a digest in the cache was wrong, and has been forgotten; building again/);
      await assertSameLayers(place, truth.get(name)!, cacheDir);
      assert.deepEqual(await output(images.commands[name], cacheDir), truth.get(name));
    });
  }

  it("lets varve build write the truth to several places at once", async (t) => {
    const cacheDir = await falseCache(t, "portable");
    const places = [`docker-archive:${cacheDir}.tar`, `oci:${cacheDir}.oci`];
    const outputs = places.flatMap((place) => ["--output", place]);
    await mustRun([...sourceCommand, ...images.commands.portable, ...outputs, "--cache-dir", cacheDir]);
    for (const place of places) await assertSameLayers(place, truth.get("portable")!, cacheDir);
  });

  /** Checks that a place holds a sound image, of the same layers as an archive. */
  async function assertSameLayers(place: string, archive: Buffer, beside: string): Promise<void> {
    writeFileSync(`${beside}-truth.tar`, archive);
    await using transports = new Transports({ env: {}, home: beside });
    const diffIdsAt = async (text: string) => {
      await using source = await transports.source(text);
      const image = await source.read(AMD64);
      // Reading checks what is read.
      for (const layer of image.layers) await bytesOf(layer);
      return image.layers.map(({ diffId }) => diffId);
    };
    assert.deepEqual(await diffIdsAt(place), await diffIdsAt(`docker-archive:${beside}-truth.tar`));
  }

  it("of another's content under a NAR hash lets varve build write what is there", async (t) => {
    const { folder, commands } = await testImages(t);
    const cacheDir = join(folder, "cache");
    await output(commands.portable, cacheDir);
    for (const index of [0, 1]) writeFileSync(join(folder, "store", `path-${index}`, "file"), "other");
    const expected = await output(commands.portable, undefined);
    const archive = join(folder, "image.tar");
    await mustRun([...sourceCommand, ...commands.portable, "--output", archive, "--cache-dir", cacheDir]);
    assert.deepEqual(readFileSync(archive), expected);
  });
});

describe("files that change under an unchanged name", () => {
  it("are in the next image and stream, whether or not their times are put back", async (t) => {
    const { folder, commands } = await testImages(t);
    const cacheDir = join(folder, "cache");
    const time = 1_000_000_000;
    const files = Array.from({ length: PATHS }, (_, index) => join(folder, "store", `path-${index}`, "file"));
    for (const file of files) utimesSync(file, time, time);
    await settled(join(folder, "store"));
    for (const name of ["local", "stream"] as const) await output(commands[name], cacheDir);
    for (const [index, file] of files.entries()) {
      if (index % 2 === 0) continue;
      writeFileSync(file, Buffer.alloc(3000, "changed "));
      if (index === 1) utimesSync(file, time, time);
    }
    for (const name of ["local", "stream"] as const) {
      assert.deepEqual(await output(commands[name], cacheDir), await output(commands[name], undefined));
    }
  });
});

describe("many varves on one cache", () => {
  it("all give right images: eight at once, on a cold cache and on a warm one", async (t) => {
    const cacheDir = join(await temporaryFolder(t), "cache");
    for (const state of ["cold", "warm"]) {
      const names = Array.from({ length: 8 }, (_, index) => COMMANDS[index % COMMANDS.length]!);
      const outputs = await Promise.all(names.map((name) => output(images.commands[name], cacheDir)));
      for (const [index, name] of names.entries()) {
        assert.ok(outputs[index]!.equals(truth.get(name)!), `${state}: ${name}`);
      }
    }
    const cache = openDigestCache({ folder: cacheDir, now: Date.now });
    // Each has an entry for a store path, and they share none but the customisation layer's, which has no path.
    assert.ok(cache.info().entries.layer >= 3 * PATHS);
    assert.equal(cache.verify().removed, 0);
  });

  it("that are killed while they write leave what the next gives a right image from", async (t) => {
    const cacheDir = join(await temporaryFolder(t), "cache");
    const seed = Number(process.env["VARVE_TEST_SEED"] ?? randomInt(2 ** 31));
    t.diagnostic(`VARVE_TEST_SEED=${seed}`);
    for (let index = 0; index < 6; index++) {
      const name = COMMANDS[index % COMMANDS.length]!;
      const moment = seededBytes(`${seed} ${index}`, 4).readUInt32LE() % KILL_WITHIN;
      rmSync(cacheDir, { recursive: true, force: true });
      const [program, ...args] = sourceCommand;
      const child = spawn(program, [...args, ...images.commands[name], "--cache-dir", cacheDir], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const exit = once(child, "exit");
      let seen = 0;
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        seen += chunk.length;
        // It can't have ended: nobody takes the rest.
        if (seen > moment && child.kill("SIGKILL")) break;
      }
      assert.deepEqual(await exit, [null, "SIGKILL"]);
      assert.ok((await output(images.commands[name], cacheDir)).equals(truth.get(name)!), name);
    }
  });
});

describe("a cache folder that can't take anything", { skip: requires("root"), concurrency: 2 }, () => {
  const conditions: Record<string, string> = {
    "is on a full disk": 'cat /dev/zero >"$0/zeros" 2>/dev/null || true',
    "is on a disk that fills up": 'head -c 49152 /dev/zero >"$0/zeros"',
    "can only be read": 'mount -o remount,ro "$0"',
  };
  for (const [what, script] of Object.entries(conditions)) {
    it(`because it ${what} costs time, and the images are right`, async (t) => {
      const disk = join(await temporaryFolder(t), "disk");
      mkdirSync(disk);
      const mount = `mount -t tmpfs -o size=64k tmpfs "$0"; ${script}; "$@" && exec "$@"`;
      const command = [...sourceCommand, ...images.commands.portable, "--cache-dir", disk];
      const expected = truth.get("portable")!;
      const both = `${disk}.both`;
      const shell = ["unshare", "--mount", "sh", "-ec", mount, disk] as const;
      await mustRun([...shell, ...command], { stdoutFile: both });
      assert.ok(readFileSync(both).equals(Buffer.concat([expected, expected])));
    });
  }
});
