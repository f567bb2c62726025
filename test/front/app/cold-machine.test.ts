/** What a machine downloads that has the same files as others, and has built nothing yet. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type BuildOptions, build, thisMachine } from "#app";
import { draftOf } from "#image";
import { FakeRegistry, madeImage } from "#testing";
import { writeImage } from "#write";
import { elf } from "../../sources/install/support.ts";
import { seededBytes } from "../../support/drafts.ts";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const MIB = 1024 * 1024;

describe("a machine whose cache is empty", () => {
  it("sends no large layer of npm packages that others have sent, and compresses none where it believes them", async (t) => {
    const registry = await new FakeRegistry().start();
    const folder = await temporaryFolder(t);
    const machineOf = (name: string) => {
      const machine = thisMachine({ cache: join(folder, `cache-${name}`) });
      t.after(() => machine[Symbol.asyncDispose]());
      return { ...machine, base: "scratch" };
    };
    t.after(() => registry.stop());
    const cache = `${registry.host}/team/cache:main`;
    const push = async (name: string, options: Partial<BuildOptions>) => {
      // Each has installed the packages by itself.
      const project = join(folder, name);
      writeProject(project);
      const data = join(project, "node_modules/dep/data");
      mkdirSync(data);
      for (let number = 0; number < 17; number++)
        writeFileSync(join(data, String(number)), seededBytes(`data ${number}`, MIB));
      registry.requests.length = 0;
      const to = [`docker://${registry.host}/team/app:${name}`];
      const built = await build(project, { to, machine: machineOf(name), ...options });
      const uploads = registry.requests.filter(
        ({ method, path }) => method === "POST" && /\/uploads\//.test(path),
      );
      return { digest: built.digest, uploads: uploads.length };
    };
    const first = await push("first", { cacheTo: [cache] });
    assert.ok(first.uploads > 0);
    const checking = await push("checking", { cacheFrom: [cache], cacheTo: [cache] });
    const believing = await push("believing", { cacheFrom: [cache], trustCachedLayers: true });
    assert.deepEqual([checking.digest, believing.digest], [first.digest, first.digest]);
    assert.deepEqual([checking.uploads, believing.uploads], [0, 0]);
  });

  it("downloads less than a hundredth of an image that others have built, if it believes what they say of the base", async (t) => {
    const registry = await new FakeRegistry().start();
    const folder = await temporaryFolder(t);
    writeProject(join(folder, "project"));
    mkdirSync(join(folder, "project/node_modules/dep/data"));
    for (let number = 0; number < 10; number++) {
      writeFileSync(
        join(folder, `project/node_modules/dep/data/${number}`),
        seededBytes(`data ${number}`, 200_000),
      );
    }
    const from = `docker://${registry.host}/team/base:1`;
    const machineOf = (name: string) => {
      const machine = thisMachine({ cache: join(folder, name) });
      t.after(() => machine[Symbol.asyncDispose]());
      return { ...machine, base: from };
    };
    const machines = { first: machineOf("first"), wary: machineOf("wary"), cold: machineOf("cold") };
    t.after(() => registry.stop());
    const base = await madeImage(
      [
        {
          entries: {
            "lib64/ld-linux-x86-64.so.2": { content: elf(62), mode: 0o755 },
            "usr/local/bin/node": { content: elf(62), mode: 0o755 },
            "usr/share/large": { content: seededBytes("a base", 8_000_000) },
          },
        },
      ],
      { config: { Env: ["NODE_VERSION=24.1.0", "PATH=/usr/local/bin"] } },
    );
    await writeImage(draftOf({ ...base, names: ["base:1"] }), [await machines.first.transports.sink(from)]);

    let received = 0;
    registry.quirk = (_request, response) => {
      const socket = response.socket!;
      const before = socket.bytesWritten;
      response.once("close", () => {
        received += socket.bytesWritten - before;
      });
      return false;
    };
    const cache = `${registry.host}/team/cache:main`;
    const push = async (name: keyof typeof machines, options: Partial<BuildOptions>) => {
      received = 0;
      registry.requests.length = 0;
      const notes: string[] = [];
      const onNote = (sentence: string) => notes.push(sentence);
      const to = [`docker://${registry.host}/team/app:${name}`];
      const { digest, places } = await build(join(folder, "project"), {
        ...{ to, machine: machines[name], onNote },
        ...options,
      });
      assert.ok(!notes.some((note) => note.includes("cache")), notes.join("; "));
      const size = places[0]!.layers.reduce((sum, { size }) => sum + size, 0);
      const sent = registry.requests.filter(
        ({ method, path }) => method !== "HEAD" && /\/uploads\//.test(path),
      );
      return { digest, size, received, sent: sent.length };
    };

    const first = await push("first", { cacheTo: [cache] });
    assert.ok(first.size > 9_000_000, String(first.size));
    const wary = await push("wary", { cacheFrom: [cache] });
    assert.equal(wary.digest, first.digest);
    assert.ok(wary.received > 8_000_000);
    const cold = await push("cold", { cacheFrom: [cache], trustCachedBases: true });
    assert.equal(cold.digest, first.digest);
    const share = (100 * cold.received) / cold.size;
    t.diagnostic(
      `${cold.received} of ${cold.size} bytes, ${share.toFixed(3)}%, ${registry.requests.length} requests`,
    );
    assert.ok(cold.received < cold.size / 100, `${cold.received} of ${cold.size}`);
    assert.equal(cold.sent, 0);
  });
});
