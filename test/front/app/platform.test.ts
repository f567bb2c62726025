import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  build,
  buildFrom,
  buildIndex,
  buildIndexFrom,
  createIndex,
  openSource,
  plan,
  thisMachine,
} from "#app";
import { rootTreeOf } from "#flatten";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { encodeDocument, MediaType } from "#oci";
import { type MadeLayer, madeImage } from "#testing";
import { writeImage } from "#write";
import { elf, type Registry, World } from "../../sources/install/support.ts";
import { run } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const forPlatform = (cpu: string, libc: string, machine: number): Registry[string] => ({
  os: ["linux"],
  cpu: [cpu],
  libc: [libc],
  files: { "a.node": elf(machine) },
});

/** A package with one for each platform that a base of these tests has. */
const REGISTRY: Registry = {
  plain: { files: { "index.js": "plain" } },
  image: {
    optionalDependencies: {
      "image-x64-glibc": "1",
      "image-x64-musl": "1",
      "image-arm64-glibc": "1",
      "image-arm64-musl": "1",
    },
  },
  "image-x64-glibc": forPlatform("x64", "glibc", 62),
  "image-x64-musl": forPlatform("x64", "musl", 62),
  "image-arm64-glibc": forPlatform("arm64", "glibc", 183),
  "image-arm64-musl": forPlatform("arm64", "musl", 183),
};

const LOADERS = {
  amd64: { glibc: "lib64/ld-linux-x86-64.so.2", musl: "lib/ld-musl-x86_64.so.1" },
  arm64: { glibc: "lib/ld-linux-aarch64.so.1", musl: "lib/ld-musl-aarch64.so.1" },
} as const;
type Architecture = keyof typeof LOADERS;

/** An installed project, bases for two architectures and C libraries, and a machine with its package manager. */
async function world(t: TestContext) {
  const made = new World(await temporaryFolder(t), REGISTRY, { plain: "1", image: "1" });
  const { folder, project } = made;
  const here = ["ci", "--os=linux", `--cpu=${process.arch}`, "--libc=glibc"];
  const { code, stderr } = await run([join(folder, "bin/npm"), ...here], { cwd: project });
  assert.equal(code, 0, stderr);
  rmSync(join(folder, "bin/calls"));
  const own = thisMachine({ cache: join(folder, "cache") });
  t.after(() => own[Symbol.asyncDispose]());
  const path = `${join(folder, "bin")}:${own.path}`;
  const machine = { ...own, path, temporary: join(folder, "temporary"), base: undefined };
  const layout = join(folder, "bases");
  const base = async (tag: string, architecture: string, layer: MadeLayer): Promise<string> => {
    const image = await madeImage([layer], { config: { Env: ["NODE_VERSION=24.1.0"] } });
    const config = encodeDocument({ ...image.config.value, architecture }, MediaType.ociConfig);
    const { manifest: _, ...others } = image;
    await writeImage(draftOf({ ...others, config }), [ociLayoutSink({ path: layout, tag })]);
    return `oci:${layout}:${tag}`;
  };
  const index = async (libc: "glibc" | "musl"): Promise<string> => {
    const images: string[] = [];
    for (const architecture of ["amd64", "arm64"] as Architecture[]) {
      images.push(
        await base(`${libc}-${architecture}`, architecture, {
          entries: { [LOADERS[architecture][libc]]: "loader" },
        }),
      );
    }
    await createIndex(`oci:${layout}:${libc}`, images, { machine });
    return `oci:${layout}:${libc}`;
  };
  const spec = (fromImage: string) => ({
    name: "app",
    tag: "1",
    graph: project,
    fromImage,
    cmd: "node index.js",
  });
  return { folder, project, machine, base, index, spec, calls: () => made.calls() };
}

/** The packages of an image. */
async function packagesOf(
  place: string,
  { machine, platform }: { machine: ReturnType<typeof thisMachine>; platform?: string },
) {
  await using source = await machine.transports.source(place);
  const [os, architecture] = (platform ?? `linux/${machine.platform.architecture}`).split("/") as [
    string,
    string,
  ];
  const tree = await rootTreeOf(await source.read({ platform: { os, architecture } }));
  const found = [...tree.entries()].map(([path]) => path);
  return found
    .filter((path) => /^app\/node_modules\/[^/.]+$/.test(path))
    .map((path) => path.slice(17))
    .sort();
}

const HERE = process.arch === "arm64" ? "arm64" : "amd64";
const THERE = HERE === "arm64" ? "amd64" : "arm64";
const CPU = { amd64: "x64", arm64: "arm64" };

describe("building for a platform", () => {
  it("chooses the base, and the packages for it and its C library", async (t) => {
    const { folder, machine, index, spec, calls } = await world(t);
    for (const libc of ["glibc", "musl"] as const) {
      const from = await index(libc);
      for (const architecture of [HERE, THERE] as const) {
        const platform = `linux/${architecture}`;
        const to = [`oci:${folder}/out:${libc}-${architecture}`];
        await build(spec(from), { machine, to, platform });
        const packages = ["image", `image-${CPU[architecture]}-${libc}`, "plain"];
        assert.deepEqual(await packagesOf(to[0]!, { machine, platform }), packages);
      }
    }
    // For what is installed nothing was asked.
    assert.equal(calls().length, 3);
  });

  it("takes the base's platform where none is asked for, and another C library where one is", async (t) => {
    const { folder, machine, index, spec } = await world(t);
    const from = await index("musl");
    await build(spec(from), { machine, to: [`oci:${folder}/out:a`] });
    const { architecture } = machine.platform;
    assert.deepEqual(await packagesOf(`oci:${folder}/out:a`, { machine }), [
      "image",
      `image-${CPU[architecture as Architecture]}-musl`,
      "plain",
    ]);
    await build(spec(from), { machine, to: [`oci:${folder}/out:b`], libc: "glibc" });
    assert.deepEqual(await packagesOf(`oci:${folder}/out:b`, { machine }), [
      "image",
      `image-${CPU[architecture as Architecture]}-glibc`,
      "plain",
    ]);
    const { report } = await plan(spec(from), { machine, platform: `linux/${THERE}` });
    assert.ok(JSON.stringify(report).includes(`image-${CPU[THERE]}-musl`));
  });

  it("gives an exclude a meaning that is there for another platform only", async (t) => {
    const { folder, machine, index, spec } = await world(t);
    const exclude = [`node_modules/image-${CPU[HERE]}-glibc`];
    const to = [`oci:${folder}/out:a`];
    await build({ ...spec(await index("glibc")), exclude }, { machine, to, platform: `linux/${THERE}` });
    assert.deepEqual(await packagesOf(to[0]!, { machine, platform: `linux/${THERE}` }), [
      "image",
      `image-${CPU[THERE]}-glibc`,
      "plain",
    ]);
  });

  it("refuses a base that hasn't the platform, or is for another than it says", async (t) => {
    const { folder, machine, base, index, spec } = await world(t);
    const to = [`oci:${folder}/out:a`];
    const refused = (from: string, platform: string, error: object) =>
      assert.rejects(build(spec(from), { machine, to, platform }), error);
    await refused(await index("glibc"), "linux/s390x", { code: "IMAGE_NOT_FOUND" });
    const one = await base("one", "amd64", { entries: { [LOADERS.amd64.glibc]: "" } });
    await refused(one, "linux/arm64", {
      code: "IMAGE_NOT_FOUND",
      message: /is for linux\/amd64 only, not for linux\/arm64/,
    });
    const wrong = await base("wrong", "arm64", { entries: { [LOADERS.amd64.glibc]: "" } });
    await refused(wrong, "linux/arm64", {
      code: "UNSUPPORTED_PLATFORM",
      message: /says it is for arm64, and its files are for amd64/,
    });
    // Its header has no byte that is another one in UTF-8.
    const still = await base("static", "arm64", { entries: { "usr/local/bin/node": elf(62) } });
    await refused(still, "linux/arm64", { code: "UNSUPPORTED_PLATFORM", message: /its files are for amd64/ });
    await refused(await index("glibc"), "windows/amd64", { code: "USAGE" });
    assert.ok(!existsSync(join(folder, "out")));
  });
});

describe("building for several platforms", () => {
  it("writes an index over an image for each, whose equal layers are the same", async (t) => {
    const { folder, machine, index, spec, project, calls } = await world(t);
    const from = await index("glibc");
    const before = readdirSync(project, { recursive: true });
    const to = [`oci:${folder}/out:1`, `oci-archive:${folder}/out.tar:1`];
    const platforms = ["linux/amd64", "linux/arm64"];
    const built = await buildIndex(spec(from), { machine, to, platforms });
    assert.deepEqual(
      built.places.map(({ destination }) => destination),
      to,
    );
    assert.deepEqual(
      built.images.map(({ platform }) => platform),
      platforms,
    );
    for (const place of to) {
      for (const [platform, cpu] of [
        ["linux/amd64", "x64"],
        ["linux/arm64", "arm64"],
      ] as const)
        assert.deepEqual(await packagesOf(place, { machine, platform }), [
          "image",
          `image-${cpu}-glibc`,
          "plain",
        ]);
    }
    const [one, other] = built.images.map(({ places }) => places[0]!.layers.map(({ digest }) => digest));
    const shared = one!.filter((digest) => other!.includes(digest));
    // The project, image, plain, what is in node_modules besides, and the root; not the base, and the package for one platform.
    assert.equal(shared.length, one!.length - 2);
    const outcomes = built.images[1]!.places[0]!.layers.filter(({ outcome }) => outcome === "present");
    assert.equal(outcomes.length, shared.length);
    assert.equal(calls().length, 1);
    assert.deepEqual(readdirSync(project, { recursive: true }), before);
    // Each image is what is built for its platform alone.
    for (const [at, platform] of platforms.entries()) {
      const alone = await build(spec(from), { machine, to: [`oci:${folder}/alone:${at}`], platform });
      assert.equal(alone.digest, built.images[at]!.places[0]!.digest);
    }
  });

  it("looks at each image, and writes no index over one that would fail", async (t) => {
    const { folder, project, machine, index, spec } = await world(t);
    const from = await index("glibc");
    const to = [`oci:${folder}/out:1`];
    const options = { machine, to, platforms: [`linux/${HERE}`, `linux/${THERE}`] };
    // For this machine alone.
    writeFileSync(join(project, "tool.node"), Buffer.from(elf(HERE === "arm64" ? 183 : 62), "latin1"), {
      mode: 0o755,
    });
    const said: string[] = [];
    const given = {
      ...options,
      onPlatform: (platform: string) => said.push(platform),
      onFindings: ({ findings }: { findings: readonly { code: string; severity: string }[] }) =>
        said.push(...findings.filter(({ severity }) => severity === "error").map(({ code }) => code)),
    };
    await assert.rejects(buildIndex(spec(from), given), {
      code: "CHECK_FAILED",
      message: new RegExp(`^the image for linux/${THERE} would fail: /app/tool\\.node: it is for `),
    });
    assert.deepEqual(said.slice(0, 2), options.platforms);
    assert.equal(said.length, 3);
    assert.ok(!existsSync(join(folder, "out/index.json")));
    const { images } = await buildIndex(spec(from), { ...options, check: false });
    assert.equal(images.length, 2);
  });

  it("says once what holds for all images", async (t) => {
    const { folder, project, machine, index } = await world(t);
    const from = await index("glibc");
    const source = await openSource(project, {
      machine,
      change: (fields) => ({ ...fields, fromImage: from }),
    });
    const said: string[] = [];
    const built = await buildIndexFrom(source, {
      ...{ machine, to: [`oci:${folder}/out:1`], platforms: [`linux/${HERE}`, `linux/${THERE}`] },
      onDerived: (sentence) => said.push(sentence),
      onPlatform: (platform) => said.push(platform),
    });
    assert.ok(said.length > 2);
    assert.equal(said.at(-1), `linux/${THERE}`);
    assert.deepEqual(
      built.images.map(({ contents }) => [...new Set(contents.map(({ kind }) => kind))]),
      [
        ["base", "dependencies", "app"],
        ["base", "dependencies", "app"],
      ],
    );
    // The links in node_modules are no package.
    const names = built.images.map(({ contents }) => contents.flatMap(({ names }) => names));
    assert.deepEqual(
      names[1]!.toSorted(),
      ["app@1.0.0", "image@1.0.0", `image-${CPU[THERE]}-glibc@1.0.0`, "plain@1.0.0"].toSorted(),
    );
  });

  it("keeps equal layers equal where packages share layers", async (t) => {
    const { folder, machine, index, spec } = await world(t);
    const from = await index("glibc");
    const platforms = ["linux/amd64", "linux/arm64"];
    const built = await buildIndex(
      { ...spec(from), maxLayers: 5 },
      { machine, to: [`oci:${folder}/out:1`], platforms },
    );
    const [one, other] = built.images.map(({ places }) => places[0]!.layers.map(({ digest }) => digest));
    assert.ok(one!.length <= 5);
    assert.ok(one!.filter((digest) => other!.includes(digest)).length >= 2);
  });

  it("refuses a place with room for one, and a platform that is there twice", async (t) => {
    const { folder, machine, index, spec } = await world(t);
    const from = await index("glibc");
    const refused = (to: string, platforms: string[], error: object) =>
      assert.rejects(buildIndex(spec(from), { machine, to: [to], platforms }), error);
    await refused(join(folder, "out.tar"), ["linux/amd64", "linux/arm64"], {
      code: "USAGE",
      message: /room for one platform only/,
    });
    await refused(`oci:${folder}/out:1`, ["linux/amd64", "linux/x86_64"], {
      code: "USAGE",
      message: /linux\/amd64 twice/,
    });
    await refused(`oci:${folder}/out:1`, ["linux/amd64", "linux/s390x"], { code: "IMAGE_NOT_FOUND" });
    const { manifests } = JSON.parse(readFileSync(join(folder, "bases/index.json"), "utf8"));
    assert.ok(manifests.length > 0);
    // Nothing has a name there.
    const left = existsSync(join(folder, "out/index.json"));
    assert.ok(!left);
  });
});

it("reads a project's own spec for a platform", async (t) => {
  const { folder, project, machine, index } = await world(t);
  const from = await index("musl");
  const source = await openSource(project, { machine, change: (fields) => ({ ...fields, fromImage: from }) });
  const to = [`oci:${folder}/out:1`];
  await buildFrom(source, { machine, to, platform: `linux/${THERE}` });
  assert.deepEqual(await packagesOf(to[0]!, { machine, platform: `linux/${THERE}` }), [
    "image",
    `image-${CPU[THERE]}-musl`,
    "plain",
  ]);
});
