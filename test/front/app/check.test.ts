import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build, check, inspect, thisMachine } from "#app";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import type { Finding } from "#inspect";
import { type MadeLayer, madeImage } from "#testing";
import { writeImage } from "#write";
import { baseEntries, LIBC, program } from "../../images/inspect/support/sound-image.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const CONFIG = { Env: ["PATH=/usr/local/bin:/usr/bin:/bin"], Cmd: ["sh"] };

/** A sound base, or one with this in it, a folder to be copied onto it, and a machine with a cache of its own. */
async function world(t: TestContext, more: MadeLayer["entries"] = {}) {
  const folder = await temporaryFolder(t);
  const base = await madeImage([{ entries: { ...baseEntries(), ...more } }], { config: CONFIG });
  await writeImage(draftOf(base), [ociLayoutSink({ path: join(folder, "base"), tag: "1" })]);
  const root = join(folder, "root");
  mkdirSync(join(root, "srv"), { recursive: true });
  writeFileSync(join(root, "srv/index.js"), "1\n");
  const machine = thisMachine({ cache: join(folder, "cache") });
  t.after(() => machine[Symbol.asyncDispose]());
  const spec = { name: "app", tag: "1", copyToRoot: root, fromImage: `oci:${join(folder, "base")}:1` };
  const broken = () => {
    const path = join(root, "usr/bin/tool");
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    writeFileSync(path, program({ needed: ["libgone.so.1", "libc.so.6"], neededVersions: LIBC }).content!);
    chmodSync(path, 0o755);
  };
  return { folder, root, machine, spec, broken };
}

const shown = (findings: readonly Finding[]) =>
  findings.map(({ code, path, isBase }) => `${code} ${path}${isBase ? " (base)" : ""}`);

describe("a build", () => {
  it("names no image that is sure to fail, unless it is told not to look", async (t) => {
    const { folder, machine, spec, broken } = await world(t);
    broken();
    const layout = join(folder, "out");
    const to = [`oci:${layout}:1`, join(folder, "app.tar")];
    const told: Finding[] = [];
    const failing = build(spec, { machine, to, onFindings: ({ findings }) => void told.push(...findings) });
    await assert.rejects(failing, {
      code: "CHECK_FAILED",
      message: /\/usr\/bin\/tool: it needs libgone\.so\.1, .*missing-library/,
    });
    assert.deepEqual(shown(told), ["missing-library /usr/bin/tool"]);
    assert.equal(existsSync(to[1]!), false);
    await assert.rejects(inspect(to[0]!, { machine }));
    await build(spec, { machine, to, check: false });
    assert.equal((await inspect(to[0]!, { machine })).description.layers.length, 2);
  });

  it("goes on where the spec says with a reason that it is right, and says which rules find nothing", async (t) => {
    const { folder, machine, spec, broken } = await world(t);
    broken();
    const ignore = [
      { code: "missing-library", path: "/usr/bin/*", reason: "a test" },
      { code: "dangling-link", reason: "another" },
    ];
    let said: unknown;
    const onFindings = ({
      findings,
      ignored,
      unused,
    }: {
      findings: readonly Finding[];
      ignored: readonly unknown[];
      unused: unknown;
    }) => {
      said = [findings.length, ignored.length, unused];
    };
    await build({ ...spec, check: { ignore } }, { machine, to: [join(folder, "app.tar")], onFindings });
    assert.deepEqual(said, [0, 1, [ignore[1]]]);
    const elsewhere = { ignore: [{ ...ignore[0]!, path: "/opt/**" }] };
    await assert.rejects(build({ ...spec, check: elsewhere }, { machine, to: [join(folder, "b.tar")] }), {
      code: "CHECK_FAILED",
    });
    const unknown = { ignore: [{ code: "missing-libary", reason: "a typo" }] };
    await assert.rejects(build({ ...spec, check: unknown }, { machine, to: [join(folder, "c.tar")] }), {
      code: "INVALID_SPEC",
      message: /missing-libary/,
    });
  });

  it("doesn't fail for what its base has by itself, nor for warnings", async (t) => {
    const { folder, root, machine, spec } = await world(t, {
      "usr/bin/old": program({ needed: ["libgone.so.1"], neededVersions: {} }),
    });
    symlinkSync("nowhere", join(root, "srv/link"));
    let findings: readonly Finding[] = [];
    const onFindings = (sifted: { findings: readonly Finding[] }) => {
      ({ findings } = sifted);
    };
    await build(spec, { machine, to: [join(folder, "app.tar")], onFindings });
    assert.deepEqual(shown(findings), ["missing-library /usr/bin/old (base)", "dangling-link /srv/link"]);
  });

  it("finds the same with nothing measured, with all of it known, and of what was written", async (t) => {
    const { folder, root, machine, spec } = await world(t);
    symlinkSync("nowhere", join(root, "srv/link"));
    const all: string[][] = [];
    const onFindings = ({ findings }: { findings: readonly Finding[] }) => void all.push(shown(findings));
    // Layouts take layers that aren't measured yet, archives don't.
    for (const to of [
      `oci:${join(folder, "out")}:1`,
      `oci:${join(folder, "out")}:1`,
      join(folder, "app.tar"),
    ]) {
      await build(spec, { machine, to: [to], onFindings });
      await build(spec, { machine: { ...machine, cache: undefined }, to: [to], onFindings });
      all.push(shown((await check(to, { machine, base: spec.fromImage })).findings));
    }
    all.push(shown((await check(spec, { machine })).findings));
    assert.deepEqual(new Set(all.map((each) => each.join())), new Set(["dangling-link /srv/link"]));
  });

  it("takes a base in whatever compression, and reads it no second time", async (t) => {
    const { folder, machine, spec } = await world(t);
    const entries = {
      ...baseEntries(),
      "usr/bin/old": program({ needed: ["libgone.so.1"], neededVersions: {} }),
    };
    const base = await madeImage([{ entries, gzip: 6 }], { config: CONFIG });
    const transports = Object.create(machine.transports, {
      source: {
        value: async () => ({ name: "the base", read: async () => base, async [Symbol.asyncDispose]() {} }),
      },
    });
    let findings: readonly Finding[] = [];
    const onFindings = (sifted: { findings: readonly Finding[] }) => {
      ({ findings } = sifted);
    };
    await build(spec, {
      machine: { ...machine, transports },
      to: [`oci:${join(folder, "out")}:1`],
      onFindings,
    });
    assert.deepEqual(shown(findings), ["missing-library /usr/bin/old (base)"]);
    // Once for its links, and once to be written: neither of them is for the check.
    assert.equal(base.layers[0]!.opened(), 2);
  });
});

describe("check", () => {
  it("makes a spec's image without writing it, and asks nothing a second time", async (t) => {
    const { machine, spec, broken } = await world(t);
    broken();
    const first = await check(spec, { machine });
    assert.deepEqual(
      [first.source, first.errors, shown(first.findings)],
      ["app", 1, ["missing-library /usr/bin/tool"]],
    );
    const again = await check(spec, { machine });
    assert.deepEqual(again, first);
  });

  it("tells the base's findings apart, if it is told the base or the image tells it", async (t) => {
    const { folder, root, machine, spec } = await world(t, {
      "usr/bin/old": program({ needed: ["libgone.so.1"], neededVersions: {} }),
    });
    symlinkSync("nowhere", join(root, "srv/link"));
    const place = `oci:${join(folder, "out")}:1`;
    await build(spec, { machine, to: [place] });
    const ofBase = ["missing-library /usr/bin/old (base)", "dangling-link /srv/link"];
    assert.deepEqual(shown((await check(place, { machine, base: spec.fromImage })).findings), ofBase);
    assert.deepEqual((await check(place, { machine })).errors, 1);
    await assert.rejects(check(spec.fromImage, { machine, base: place }), { code: "USAGE" });
  });

  it("takes no layer of many packages for the base's, although the image only counts them", async (t) => {
    const { folder, machine } = await world(t);
    const packages = ["a", "b", "c", "d"].map((name) => `node_modules/${name}`);
    const tool = program({ needed: ["libgone.so.1"], neededVersions: {} });
    const image = await madeImage(
      [
        { entries: baseEntries() },
        { components: packages, entries: { "app/node_modules/a/tool": tool } },
        { components: ["."], entries: { "app/index.js": "1\n" } },
      ],
      { config: CONFIG },
    );
    await writeImage(draftOf(image), [ociLayoutSink({ path: join(folder, "many"), tag: "1" })]);
    const { errors, findings } = await check(`oci:${join(folder, "many")}:1`, { machine });
    assert.deepEqual([errors, shown(findings)], [1, ["missing-library /app/node_modules/a/tool"]]);
  });

  it("takes the store for mounted if store paths aren't in the image", async (t) => {
    const { machine, spec } = await world(t);
    const Cmd = ["/nix/store/0c9qvk9mkkcd5bgfsvqxk1h1zbjr9q1a-hello-2.12/bin/hello"];
    const mounted = { ...spec, config: { Cmd }, includeStorePaths: false };
    assert.deepEqual((await check(mounted, { machine })).findings, []);
    assert.equal((await check({ ...spec, config: { Cmd } }, { machine })).errors, 1);
  });
});
