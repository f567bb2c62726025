import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { digest } from "../../support/docker-archive.ts";
import { writeProject } from "../../support/npm-project.ts";
import { run } from "../../support/process.ts";
import { members, names } from "../../support/tar.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

interface Inspected {
  readonly names: readonly string[];
  readonly config: string;
  readonly layers: readonly { digest: string; diffId: string; size: number; components: readonly string[] }[];
}

describe("the commands on an npm project", { concurrency: 2 }, () => {
  const scope = stacked({ after });
  let folder: string;
  before(async () => {
    folder = await temporaryFolder(scope);
    writeProject(`${folder}/project`);
    const config = { Cmd: ["node", "."], Env: ["A=1"], WorkingDir: "/srv" };
    writeFileSync(
      `${folder}/spec.json`,
      JSON.stringify({ name: "example", tag: "v1", graph: "project", config }),
    );
    await succeed("build", "spec.json", "-o", "image.tar");
  });

  async function succeed(...args: string[]): Promise<{ stdout: Buffer; stderr: string }> {
    const finished = await varve(args, { cwd: folder });
    assert.equal(finished.code, 0, finished.stderr);
    return finished;
  }
  const inspect = async (file: string) =>
    JSON.parse((await succeed("inspect", "--json", file)).stdout.toString()) as Inspected;
  const archive = (file: string) => readFileSync(`${folder}/${file}`);

  async function contentOf(file: Buffer, name: string): Promise<Buffer> {
    const member = (await members(file)).findLast(({ entry }) => entry.name === name);
    assert.ok(member, name);
    return file.subarray(member.offset, member.offset + member.entry.size);
  }

  it("varve layers prints the plan as a list of lists", async () => {
    const plan = async (...args: string[]) =>
      JSON.parse((await succeed("layers", ...args)).stdout.toString());
    assert.deepEqual(await plan("project"), [["node_modules/base"], ["node_modules/dep"], ["."]]);
    assert.deepEqual(await plan("project", "--max-layers", "2"), [
      ["node_modules/base", "node_modules/dep"],
      ["."],
    ]);
    assert.deepEqual(await plan("project", "--max-layers", "3"), [
      ["node_modules/base"],
      ["node_modules/dep"],
      ["."],
    ]);
    assert.deepEqual(await plan("project", "--exclude", "node_modules/dep", "--exclude", "."), [
      ["node_modules/base"],
    ]);
    // The image has two layers, and nothing is put into the root.
    const all = [["node_modules/base", "node_modules/dep", "."]];
    assert.deepEqual(await plan("project", "--from", "image.tar", "--max-layers", "3"), all);
  });

  it("varve inspect shows an index, and of its images the one for the platform that is asked for", async () => {
    for (const architecture of ["amd64", "arm64"]) {
      writeFileSync(`${folder}/${architecture}.json`, JSON.stringify({ name: "example", architecture }));
      await succeed("build", `${architecture}.json`, "-o", `oci:one:${architecture}`);
    }
    await succeed("index", "create", "oci:both:1", "oci:one:amd64", "oci:one:arm64");
    const raw = async (...args: string[]) =>
      JSON.parse((await succeed("inspect", "--raw", "oci:both:1", ...args)).stdout.toString());
    const index = await raw();
    assert.deepEqual(
      index.manifests.map((entry: { platform: object }) => entry.platform),
      [
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ],
    );
    const arm = await raw("--platform", "linux/arm64");
    const config = await succeed("inspect", "--config", "oci:one:arm64", "--platform", "linux/arm64");
    assert.equal(arm.config.digest, digest(config.stdout));
    const { stdout } = await succeed("inspect", "oci:both:1");
    assert.match(stdout.toString(), /^Index: +sha256:[0-9a-f]{64}, for linux\/amd64, linux\/arm64$/m);
  });

  it("varve layers takes the graph under a key", async () => {
    const [one, two] = ["a", "b"].map((name) => [{ path: `/nix/store/${name}`, narSize: 1, references: [] }]);
    writeFileSync(`${folder}/attrs.json`, JSON.stringify({ one, two }));
    const { stdout } = await succeed("layers", "attrs.json", "--key", "two");
    assert.deepEqual(JSON.parse(stdout.toString()), [["/nix/store/b"]]);
  });

  it("varve build writes an archive whose parts fit each other", async () => {
    const file = archive("image.tar");
    const [entry] = JSON.parse((await contentOf(file, "manifest.json")).toString());
    assert.deepEqual(entry.RepoTags, ["example:v1"]);
    const configBytes = await contentOf(file, entry.Config);
    assert.ok(digest(configBytes).startsWith(`sha256:${entry.Config.replace(".json", "")}`));
    const config = JSON.parse(configBytes.toString());
    assert.deepEqual(config.config, { Cmd: ["node", "."], Env: ["A=1"], WorkingDir: "/srv" });
    assert.equal(config.created, "1970-01-01T00:00:01Z");
    assert.equal(config.history.length, entry.Layers.length);
    const layers = await Promise.all((entry.Layers as string[]).map((name) => contentOf(file, name)));
    assert.deepEqual(
      layers.map((bytes) => digest(bytes)),
      config.rootfs.diff_ids,
    );
    assert.deepEqual(await names(layers[0]!), [
      "/srv",
      "/srv/node_modules",
      "/srv/node_modules/base",
      "/srv/node_modules/base/a.js",
      "/srv/node_modules/base/package.json",
      "/srv/node_modules/dep",
      "/srv/node_modules/dep/package.json",
      "/srv/node_modules/dep/run.js",
    ]);
  });

  it("varve inspect tells the same of it, as JSON and as a table", async () => {
    const told = await inspect("image.tar");
    assert.deepEqual(told.names, ["example:v1"]);
    assert.deepEqual(
      told.layers.map(({ components }) => components),
      [["node_modules/base", "node_modules/dep"], ["."]],
    );
    const { stdout } = await succeed("inspect", "image.tar");
    const table = stdout.toString();
    for (const text of ["example:v1", told.config, "linux/", ...told.layers.map((layer) => layer.digest)]) {
      assert.ok(table.includes(text), text);
    }
    assert.match(table, /LAYER +SIZE +PACKAGES +DIGEST/);
  });

  it("varve build --output FILE.tar.gz compresses the same image", async () => {
    await succeed("build", "spec.json", "-o", "image.tar.gz");
    assert.ok(gunzipSync(archive("image.tar.gz")).equals(archive("image.tar")));
    // RFC 1952: no time, no name, no system.
    assert.deepEqual(
      [...archive("image.tar.gz").subarray(0, 10)].filter((_, at) => at !== 8),
      [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 255],
    );
    assert.deepEqual(await inspect("image.tar.gz"), await inspect("image.tar"));
  });

  it("varve build derives the tag from the image's digest when none is given", async () => {
    writeFileSync(`${folder}/untagged.json`, '{"name": "example", "graph": "project"}');
    await succeed("build", "untagged.json", "-o", "untagged.tar");
    const { names: given, config } = await inspect("untagged.tar");
    assert.deepEqual(given, [`example:${config.slice("sha256:".length).slice(0, 32)}`]);
  });

  it("varve build takes options in place of the spec's fields", async () => {
    const options = [
      "--name",
      "other",
      "--tag",
      "v2",
      "--architecture",
      "arm64",
      "--created",
      "2024-02-29",
      "--max-layers",
      "2",
    ];
    await succeed("build", "spec.json", "-o", "options.tar", ...options);
    const told = await inspect("options.tar");
    assert.deepEqual(told.names, ["other:v2"]);
    assert.equal(told.layers.length, 2);
    const { stdout } = await succeed("inspect", "options.tar");
    assert.match(stdout.toString(), /linux\/arm64/);
    assert.match(stdout.toString(), /2024-02-29T00:00:00Z/);
  });

  it("varve build stands on a base image and keeps its layers", async () => {
    writeFileSync(
      `${folder}/next.json`,
      JSON.stringify({ name: "next", fromImage: "image.tar", config: { Env: ["B=2", "A=3"] } }),
    );
    await succeed("build", "next.json", "-o", "next.tar");
    const [base, next] = [await inspect("image.tar"), await inspect("next.tar")];
    assert.deepEqual(
      next.layers.slice(0, 2).map(({ diffId }) => diffId),
      base.layers.map(({ diffId }) => diffId),
    );
    assert.equal(next.layers.length, 3);
    const [entry] = JSON.parse((await contentOf(archive("next.tar"), "manifest.json")).toString());
    const config = JSON.parse((await contentOf(archive("next.tar"), entry.Config)).toString());
    assert.deepEqual(config.config.Env, ["A=3", "B=2"]);
  });

  it("varve build writes the same bytes whoever calls it, from wherever, in whatever time zone and language", async () => {
    const expected = digest(archive("image.tar"));
    const elsewhere = await temporaryFolder(scope);
    mkdirSync(`${elsewhere}/deep`);
    writeProject(`${elsewhere}/deep/project`);
    writeFileSync(`${elsewhere}/deep/spec.json`, readFileSync(`${folder}/spec.json`));
    const environments: { cwd: string; spec: string; umask: string; env: Record<string, string> }[] = [
      {
        cwd: "/",
        spec: `${folder}/spec.json`,
        umask: "077",
        env: { TZ: "Pacific/Chatham", LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8" },
      },
      {
        cwd: elsewhere,
        spec: "deep/spec.json",
        umask: "000",
        env: { TZ: "America/St_Johns", LC_ALL: "C", HOME: "/nowhere", SOURCE_DATE_EPOCH: "1" },
      },
      {
        cwd: `${elsewhere}/deep`,
        spec: "../deep/spec.json",
        umask: "022",
        env: { NODE_OPTIONS: "--no-warnings", UV_THREADPOOL_SIZE: "1" },
      },
    ];
    for (const { cwd, spec, umask, env } of environments) {
      const text = `umask ${umask}; exec "$@"`;
      const { code, stdout, stderr } = await run(["sh", "-c", text, "sh", ...sourceCommand, "build", spec], {
        cwd,
        env,
      });
      assert.equal(code, 0, stderr);
      assert.equal(digest(stdout), expected, cwd);
    }
  });
});
