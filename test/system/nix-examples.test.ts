import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun, run } from "../support/process.ts";
import { requirePython } from "../support/python.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type NixExamples, startNixExamples } from "./support/nix-examples.ts";

/** What is built before the tests; the others of `examples/nix` are built by the tests that need arguments for them. */
const ATTRIBUTES = [
  "another-layered-image",
  "bash",
  "bashLayeredUncompressed",
  "bashLayeredWithUser",
  "bashLayeredZstdCompressed",
  "bashNoTag",
  "bashNoTagLayered",
  "bashNoTagStreamLayered",
  "bashUncompressed",
  "bashZstdCompressed",
  "build-image-with-architecture",
  "build-image-with-path",
  "builtLayers",
  "bulk-layer",
  "cross",
  "editors",
  "emptyTag",
  "environmentVariables",
  "environmentVariablesLayered",
  "environmentVariablesParent",
  "etc",
  "exportBash",
  "filesInStore",
  "helloOnRoot",
  "helloOnRootNoStore",
  "helloOnRootNoStoreFakechroot",
  "image-with-certs",
  "imageViaFakeChroot",
  "layered-bulk-layer",
  "layered-image",
  "layered-image-with-architecture",
  "layered-image-with-path",
  "layered-on-top",
  "layered-on-top-layered",
  "layeredImageWithFakeRootCommands",
  "layeredStoreSymlink",
  "layersOrder",
  "layersUnpackOrder",
  "loadBash",
  "loadStream",
  "mergedBashAndRedis",
  "mergedBashFakeRoot",
  "mergedBashNoTagAndRedis",
  "mergedStream",
  "mergeVaryingCompressor",
  "nginx",
  "nginxStream",
  "nix",
  "nix-layered",
  "nix-shell-basic",
  "nix-shell-build-derivation",
  "nix-shell-command",
  "nix-shell-hook",
  "nix-shell-image",
  "nix-shell-inputs",
  "nix-shell-nonexistent-home",
  "nix-shell-pass-as-file",
  "nix-shell-run",
  "nix-shell-writable-home",
  "nixLayered",
  "no-store-paths",
  "nonRootOwner",
  "onStream",
  "ownersInImage",
  "pipeline",
  "prefixedImage",
  "prefixedLayeredImage",
  "redis",
  "repeatedLayers",
  "runAsRootExtraCommands",
  "runAsRootParentImage",
  "shadow",
  "stdenv-scripts",
  "two-layered-image",
  "unstableDate",
  "unstableDateLayered",
];

/** What nixpkgs' own examples have besides, which take a registry. */
const PULLED = ["nixFromDockerHub", "onTopOfPulledImage", "testNixFromDockerHub"];

/** The attributes of nixpkgs' examples in June 2026. */
const NIXPKGS_EXAMPLES =
  "another-layered-image bash bashLayeredUncompressed bashLayeredWithUser bashLayeredZstdCompressed bashNoTag bashNoTagLayered bashNoTagStreamLayered bashUncompressed bashZstdCompressed build-image-with-architecture build-image-with-path bulk-layer cross editors environmentVariables environmentVariablesLayered environmentVariablesParent etc exportBash filesInStore helloOnRoot helloOnRootNoStore helloOnRootNoStoreFakechroot image-with-certs imageViaFakeChroot layered-bulk-layer layered-image layered-image-with-architecture layered-image-with-path layered-on-top layered-on-top-layered layeredImageWithFakeRootCommands layeredStoreSymlink layersOrder layersUnpackOrder mergeVaryingCompressor mergedBashAndRedis mergedBashFakeRoot mergedBashNoTagAndRedis nginx nginxStream nix nix-layered nix-shell-basic nix-shell-build-derivation nix-shell-command nix-shell-hook nix-shell-inputs nix-shell-nonexistent-home nix-shell-pass-as-file nix-shell-run nix-shell-writable-home nixFromDockerHub nixLayered no-store-paths onTopOfPulledImage prefixedImage prefixedLayeredImage redis runAsRootExtraCommands runAsRootParentImage testNixFromDockerHub two-layered-image unstableDate unstableDateLayered";

const EPOCH = "1970-01-01T00:00:01Z";
const SANDBOX = ["--option", "sandbox", "true", "--option", "sandbox-fallback", "false"];
const oracle = new URL("../oracle/stream_image.py", import.meta.url).pathname;

describe("dockerTools' examples, built by a real Nix and run by a real Docker Engine", {
  skip: requires("nix", "nixTools", "docker", "debianPackages", "python"),
}, () => {
  const scope = stacked({ after });
  let examples: NixExamples;
  let docker: Dockerd;

  before(async () => {
    examples = await startNixExamples(scope, ATTRIBUTES, SANDBOX);
    docker = await startDockerd(scope);
  });

  const load = (attribute: string) => examples.load(docker, attribute);
  const layersOf = async (image: string) => (await docker.inspect(image)).RootFS.Layers;
  const envOf = async (image: string) => (await docker.inspect(image)).Config.Env ?? [];

  it("has an example for each of nixpkgs'", () => {
    const built = new Set([...ATTRIBUTES, ...PULLED]);
    assert.deepEqual(
      NIXPKGS_EXAMPLES.split(" ").filter((name) => !built.has(name)),
      [],
    );
  });

  it("1 bash: runs, has the stable date, its tag and its programs in /bin", async () => {
    const image = await load("bash");
    assert.equal(image, "bash:latest");
    assert.match(await docker.output(image, ["bash", "--version"]), /^GNU bash/);
    const { Created, RepoTags, RootFS } = await docker.inspect(image);
    assert.equal(Created, EPOCH);
    assert.deepEqual(RepoTags, [image]);
    assert.equal(RootFS.Layers.length, 1);
  });

  it("2 redis: answers PING on top of bash, with the folder that runAsRoot made", async () => {
    const image = await load("redis");
    const container = await docker.start(image);
    const cli = await eventually(async () => {
      const { stdout } = await docker.docker(["exec", container, "/bin/redis-cli", "PING"]);
      return stdout.toString() === "PONG\n" ? "PONG" : undefined;
    });
    assert.equal(cli, "PONG");
    const pwd = await docker.docker([
      "exec",
      container,
      "bash",
      "-c",
      "echo $PWD; test -d /data && echo there",
    ]);
    assert.equal(pwd.stdout.toString(), "/data\nthere\n");
    const [bash, redis] = [await layersOf("bash:latest"), await layersOf(image)];
    assert.deepEqual(redis.slice(0, -1), bash);
    // What bash brought isn't there once more.
    const manifest = await layerSizes(examples.outside(examples.get("redis").out));
    const listed = await mustRun(["tar", "-tf", "-"], { input: manifest.last });
    assert.doesNotMatch(listed, /-bash-5/);
    assert.match(listed, /-redis-/);
  });

  it("3 nginx: answers HTTP with its page, from an archive and from a stream alike", async () => {
    const streamed = await load("nginxStream");
    const id = (await docker.inspect(streamed)).Id;
    const image = await load("nginx");
    assert.equal((await docker.inspect(image)).Id, id);
    assert.deepEqual(Object.keys((await docker.inspect(image)).Config.ExposedPorts ?? {}), ["80/tcp"]);
    const container = await docker.start(image);
    const inspected = await docker.docker(["inspect", "--format", "{{.State.Pid}}", container]);
    const get = ["busybox", "wget", "-qO-", "http://127.0.0.1:80/"];
    const page = await eventually(async () => {
      const { code, stdout } = await run([
        ...(["nsenter", "--net", "--target", inspected.stdout.toString().trim(), "--"] as const),
        ...get,
      ]);
      return code === 0 ? stdout.toString() : undefined;
    });
    assert.match(page, /Hello from NGINX/);
    const status = await docker.docker(["top", container, "-o", "pid,uid,args"]);
    assert.match(status.stdout.toString(), /^\s*\d+\s+999\s+nginx: worker/m);
  });

  it("5 editors: all are there", async () => {
    const image = await load("editors");
    for (const [program, answer] of [
      ["ed", /^GNU ed/],
      ["vim", /^VIM/],
      ["nano", /GNU nano/],
    ] as const) {
      assert.match(await docker.output(image, [program, "--version"]), answer);
    }
  });

  for (const attribute of ["nix", "nixLayered"]) {
    it(`6 ${attribute}: Nix knows its own closure, and its programs are links still`, async () => {
      const image = await load(attribute);
      const nix = (await examples.evaluate("toString pkgs.nix")) as string;
      const closure = await docker.output(image, ["nix-store", "--query", "--requisites", nix]);
      const expected = await examples.nix.run(["nix-store", "--query", "--requisites", nix]);
      assert.deepEqual(closure.split("\n").sort(), expected.split("\n").sort());
      const link = `readlink ${nix}/bin/nix-daemon`;
      assert.equal(await docker.output(image, ["bash", "-c", link]), "nix\n");
      await docker.output(image, ["nix-store", "--verify", "--check-contents"]);
    });
  }

  it("nix-layered: has its database in a stream as well", async () => {
    const nix = (await examples.evaluate("toString pkgs.nix")) as string;
    const query = ["nix-store", "--query", "--requisites", nix];
    // Nix 2.8 asks who it is, which newer ones don't.
    const closure = await docker.output(await load("nix-layered"), query, ["--env", "USER=nobody"]);
    assert.ok(closure.split("\n").includes(nix));
  });

  it("8 runAsRootExtraCommands: both scripts ran", async () => {
    const image = await load("runAsRootExtraCommands");
    assert.equal(image, "runasrootextracommands:latest");
    assert.equal(await docker.output(image, ["cat", "extraCommands"]), "(extraCommand)\n");
    assert.equal(await docker.output(image, ["cat", "runAsRoot"]), "(runAsRoot)\n");
  });

  for (const attribute of ["unstableDate", "unstableDateLayered"]) {
    it(`9, 22 ${attribute}: is of today`, async () => {
      const created = Date.parse((await docker.inspect(await load(attribute))).Created);
      assert.ok(Math.abs(Date.now() - created) < 3_600_000, new Date(created).toISOString());
    });
  }

  it("10 layered-image: a layer for each store path and one more, and the config's program runs", async () => {
    const image = await load("layered-image");
    assert.equal(await docker.output(image), "Hello, world!\n");
    assert.equal(await docker.output(image, ["cat", "extraCommands"]), "(extraCommand)\n");
    const graph = (await examples.evaluate(
      "map toString [ pkgs.hello pkgs.bash pkgs.coreutils ]",
    )) as string[];
    const closure = await examples.nix.run(["nix-store", "--query", "--requisites", ...graph]);
    assert.equal((await layersOf(image)).length, closure.trim().split("\n").length + 1);
    const store = await docker.output(image, ["ls", "/nix/store"]);
    // Neither what the config was written in nor the customisation layer is in the image.
    assert.deepEqual(
      store.trim().split("\n").sort(),
      closure
        .trim()
        .split("\n")
        .map((path) => path.slice("/nix/store/".length))
        .sort(),
    );
  });

  it("11 layered-on-top: one layer on top of a layered image", async () => {
    const image = await load("layered-on-top");
    assert.equal(await docker.output(image), "hello\n");
    const [below, own] = [await layersOf(await load("layered-image")), await layersOf(image)];
    assert.deepEqual(own.slice(0, -1), below);
    assert.equal((await docker.inspect(image)).Config.WorkingDir, "/example-output");
  });

  it("12 layered-on-top-layered: layers on top of a layered image", async () => {
    const image = await load("layered-on-top-layered");
    assert.equal(await docker.output(image), "hello\n");
    const [below, own] = [await layersOf(await load("layered-image")), await layersOf(image)];
    assert.deepEqual(own.slice(0, below.length), below);
    assert.ok(own.length > below.length);
    // The base's command is not inherited, its environment is.
    assert.deepEqual((await envOf(image)).length, 1);
  });

  it("13 runAsRootParentImage: a script runs in what the parent holds", async () => {
    const image = await load("runAsRootParentImage");
    assert.equal(
      await docker.output(image, ["bash", "-c", "test -f /example-file && echo there"]),
      "there\n",
    );
    assert.equal((await layersOf(image)).length, 2);
  });

  it("14, 23 layersOrder and layersUnpackOrder: each layer is on top of the one before it", async () => {
    const order = await load("layersOrder");
    for (const index of [1, 2, 3]) {
      assert.equal(await docker.output(order, ["cat", `/tmp/layer${index}`]), `layer${index}\n`);
    }
    assert.equal((await layersOf(order)).length, 3);
    const appended = await load("layersUnpackOrder");
    assert.equal(await docker.output(appended, ["cat", "/layer-order"]), "abc");
  });

  it("takes a base whose layers are the same", async () => {
    const image = await load("repeatedLayers");
    const [first, second, ...more] = await layersOf(image);
    assert.equal(second, first);
    assert.equal(more.length, 1);
    assert.equal(await docker.output(image, ["/bin/bash", "-c", "echo $(</ran)"]), "ran\n");
  });

  for (const attribute of ["environmentVariables", "environmentVariablesLayered"]) {
    it(`15 ${attribute}: the parent's variables and the child's, each once`, async () => {
      const image = await load(attribute);
      const own = ["FROM_PARENT=true", "LAST_LAYER=child", "FROM_CHILD=true"];
      const env = await envOf(image);
      assert.deepEqual(env.filter((variable) => !variable.startsWith("PATH=")).sort(), own.sort());
      const inside = (await docker.output(image, ["env"])).split("\n");
      for (const variable of own) assert.equal(inside.filter((line) => line === variable).length, 1);
    });
  }

  it("16 another-layered-image: shares layers with 10, found in its config alone", async () => {
    const image = await load("another-layered-image");
    assert.equal(await docker.output(image), "Hello, world!\n");
    const [one, other] = [await layersOf(await load("layered-image")), await layersOf(image)];
    assert.equal(other.filter((layer) => one.includes(layer)).length, 2);
    assert.equal(other.length, 3);
  });

  it("17, 18, 19: maxLayers counts the base's layers and the last one", async () => {
    const two = await load("two-layered-image");
    assert.equal((await layersOf(two)).length, 2);
    assert.equal(await docker.output(two), "Hello, world!\n");
    const bulk = await load("bulk-layer");
    assert.equal((await layersOf(bulk)).length, 2);
    assert.equal(await docker.output(bulk, ["ls", "/bin/hello"]), "/bin/hello\n");
    const layered = await load("layered-bulk-layer");
    assert.equal((await layersOf(layered)).length, 4);
    assert.deepEqual((await layersOf(layered)).slice(0, 2), await layersOf(two));
    assert.equal(await docker.output(layered, ["ls", "/bin/hello"]), "/bin/hello\n");
  });

  it("says what is wrong where a base leaves no layer, in dockerTools' words", async () => {
    const { code, stderr } = await examples.tryBuild("base-too-large");
    const used = (await layersOf(await load("layered-image"))).length + 1;
    assert.notEqual(code, 0);
    assert.match(
      stderr,
      new RegExp(
        `^Error: usedLayers ${used} layers to store 'fromImage' and 'extraCommands', but only maxLayers=4 were allowed\\. At least 1 layer is required to store contents\\.$`,
        "m",
      ),
    );
  });

  it("gives scripts stdenv's shell, in which a program that fails in a pipe ends the build", async () => {
    const archive = await examples.archive(examples.get("stdenv-scripts"));
    const { last } = await layerSizes(archive);
    assert.match(
      await mustRun(["tar", "-xOf", "-", "--wildcards", "*facts"], { input: last }),
      /^stdenv-scripts-customisation-layer was b\n$/,
    );
    for (const attribute of ["failing-pipe", "failing-pipe-in-image"]) {
      const { code, stderr } = await examples.tryBuild(attribute);
      assert.notEqual(code, 0);
      assert.match(stderr, /(?:extraCommands|fakeRootCommands) failed in line \d+/);
    }
  });

  it("refuses arguments as dockerTools does", async () => {
    const refused = async (call: string, message: RegExp) => {
      await assert.rejects(examples.evaluate(`(with tools; ${call}).outPath`), message);
    };
    await refused(
      'buildLayeredImage { name = "a"; maxLayers = 1; }',
      /maxLayers argument .* must be greather than 1/,
    );
    await refused(
      'buildLayeredImage { name = "a"; compressor = "xz"; }',
      /compressor must be one of: \[gz none zstd\]/,
    );
    await refused(
      'buildImage { name = "a"; contents = [ ]; copyToRoot = [ ]; }',
      /You can not specify both contents and copyToRoot/,
    );
    await refused('buildImage { name = "a"; unknown = 1; }', /unexpected argument 'unknown'/);
  });

  it("20 no-store-paths: what a script copied, and of the store only what that refers to", async () => {
    const image = await load("no-store-paths");
    assert.match(await docker.output(image, ["ls", "/"]), /^bin$/m);
    assert.equal((await layersOf(image)).length, 1);
    await assert.rejects(docker.output(image, ["ls", "/nix/store"]), /No such file/);
  });

  it("21 filesInStore: the store's files are what Nix says they are", async () => {
    const image = await load("filesInStore");
    assert.equal(await docker.output(image), "some data");
    await docker.output(image, ["nix-store", "--verify", "--check-contents"]);
  });

  it("tags with the output's hash where no tag is given", async () => {
    for (const attribute of ["bashNoTag", "bashNoTagLayered", "bashNoTagStreamLayered"]) {
      const { imageTag, out } = examples.get(attribute);
      assert.match(imageTag ?? "", /^[0-9a-z]{32}$/);
      const image = await load(attribute);
      assert.deepEqual((await docker.inspect(image)).RepoTags, [image]);
      if (attribute === "bashNoTag") assert.ok(out.includes(imageTag!));
    }
  });

  it("compresses as it is told, and the image stays the same", async () => {
    const start = async (attribute: string) => {
      const file = examples.outside(examples.get(attribute).out);
      return (await readFile(file)).subarray(0, 4).toString("hex");
    };
    assert.equal((await start("bashNoTag")).slice(0, 4), "1f8b");
    for (const [attribute, magic] of [
      ["bashZstdCompressed", "28b52ffd"],
      ["bashLayeredZstdCompressed", "28b52ffd"],
    ] as const) {
      assert.equal(await start(attribute), magic);
    }
    const pairs = [
      ["bashUncompressed", "bashZstdCompressed"],
      ["bashLayeredUncompressed", "bashLayeredZstdCompressed"],
    ] as const;
    for (const [plain, packed] of pairs) {
      assert.deepEqual(await layersOf(await load(plain)), await layersOf(await load(packed)));
    }
  });

  it("gives the store a mode with which others than root can use it", async () => {
    const image = await load("bashLayeredWithUser");
    const bash = (await examples.evaluate('toString pkgs.bash + "/bin/bash"')) as string;
    const command = [bash, "-c", "stat --format=%a /nix /nix/store; id -un"];
    assert.equal(await docker.output(image, command, ["--user", "somebody"]), "755\n755\nsomebody\n");
  });

  it("gives files to the owner it is told", async () => {
    assert.equal(await docker.output(await load("nonRootOwner")), "1000:1000\n");
    const image = await load("layeredImageWithFakeRootCommands");
    assert.equal(await docker.output(image, ["stat", "-c", "%u", "/home/alice"]), "1000\n");
    // Only the script names hello.
    assert.equal(await docker.output(image, ["/hello/bin/hello"]), "Hello, world!\n");
    const inside = await load("imageViaFakeChroot");
    assert.equal(await docker.output(inside), "Hello, world!\n");
    assert.equal(await docker.output(inside, ["stat", "-c", "%u:%g", "/testfile"]), "12345:12345\n");
  });

  it("says which architecture an image is for", async () => {
    const { Architecture } = await docker.inspect(await load("cross"));
    assert.equal(Architecture, process.arch === "arm64" ? "amd64" : "arm64");
    for (const kind of ["build-image", "layered-image"]) {
      const image = await load(`${kind}-with-architecture`);
      assert.equal((await docker.inspect(image)).Architecture, "arm64");
    }
  });

  it("packs customisation layers as GNU tar does for nixpkgs", async () => {
    for (const attribute of [
      "layered-image",
      "layeredImageWithFakeRootCommands",
      "nonRootOwner",
      "stdenv-scripts",
    ]) {
      const layer = (await examples.evaluate(`toString examples.${attribute}.customisationLayer`)) as string;
      const folder = join(examples.folder, `${attribute}-root`);
      const archive = join(examples.outside(layer), "layer.tar");
      await mkdir(folder);
      await mustRun(["tar", "-xpf", archive, "-C", folder]);
      const repacked = join(examples.folder, `${attribute}-repacked.tar`);
      const options = ["--sort=name", "--numeric-owner", "--mtime=@315532800", "--hard-dereference"];
      await mustRun(["tar", ...options, "-C", folder, "-cf", repacked, "."]);
      assert.ok((await readFile(repacked)).equals(await readFile(archive)), attribute);
    }
  });

  it("keeps a store path that is a symlink one", async () => {
    const image = await load("layeredStoreSymlink");
    const symlink = (await examples.evaluate(
      "toString examples.layeredStoreSymlink.passthru.symlink",
    )) as string;
    assert.equal(await docker.output(image, ["bash", "-c", `test -L ${symlink} && echo link`]), "link\n");
  });

  it("takes names with a registry before them", async () => {
    for (const [attribute, name] of [
      ["prefixedImage", "registry-1.docker.io/image"],
      ["prefixedLayeredImage", "registry-1.docker.io/layered-image"],
    ] as const) {
      assert.equal(examples.get(attribute).imageName, name);
      assert.deepEqual((await docker.inspect(await load(attribute))).RepoTags, [`${name}:latest`]);
    }
  });

  it("merges images, with the names and owners of each", async () => {
    for (const [merged, ...images] of [
      ["mergedBashAndRedis", "bash", "redis"],
      ["mergedBashNoTagAndRedis", "bashNoTag", "redis"],
      ["mergedBashFakeRoot", "bash", "layeredImageWithFakeRootCommands"],
      ["mergeVaryingCompressor", "redis", "bashUncompressed", "bashZstdCompressed"],
    ] as const) {
      const names = images
        .map((image) => examples.get(image))
        .map((one) => `${one.imageName}:${one.imageTag}`);
      const ids = new Map<string, string>();
      for (const [at, image] of images.entries()) {
        await load(image);
        ids.set(names[at]!, (await docker.inspect(names[at]!)).Id);
        await docker.docker(["image", "rm", "--force", names[at]!]);
      }
      await docker.load(examples.outside(examples.get(merged).out));
      for (const [name, id] of ids) assert.equal((await docker.inspect(name)).Id, id, merged);
    }
  });

  it("puts the store into the image or leaves it out, to be mounted", async () => {
    assert.equal(await docker.output(await load("helloOnRoot")), "Hello, world!\n");
    const volume = `${examples.nix.folder}/store:/nix/store:ro`;
    for (const attribute of ["helloOnRootNoStore", "helloOnRootNoStoreFakechroot"]) {
      const image = await load(attribute);
      assert.notEqual((await docker.docker(["run", "--rm", "--network", "none", image])).code, 0);
      assert.equal(await docker.output(image, [], ["--volume", volume]), "Hello, world!\n");
      assert.equal((await layersOf(image)).length, 1);
      const { last } = await layerSizes(await examples.archive(examples.get(attribute)));
      assert.doesNotMatch(await mustRun(["tar", "-tf", "-"], { input: last }), /nix\/store\/./);
    }
  });

  it("takes scripts that write an image where an archive is meant", async () => {
    const image = await load("onStream");
    assert.equal(await docker.output(image), "Hello, world!\n");
    assert.deepEqual((await docker.inspect(image)).Config.Cmd, ["hello"]);
    const archives = ["mergedStream", "emptyTag"].map((name) => examples.outside(examples.get(name).out));
    const tags = archives.map(async (archive) => {
      const manifest = JSON.parse(await mustRun(["tar", "-xOf", archive, "manifest.json"]));
      return (manifest as { RepoTags: string[] }[]).flatMap(({ RepoTags }) => RepoTags);
    });
    assert.deepEqual(await Promise.all(tags), [["bash:latest", "hello:latest"], ["empty-tag:"]]);
  });

  it("exports a root file system as one archive", async () => {
    const listed = await mustRun(["tar", "-tf", examples.outside(examples.get("exportBash").out)]);
    assert.match(listed, /^\.\/bin\/bash$/m);
    assert.match(listed, /^\.\/nix\/store\/[^/]+-bash-[^/]+\/bin\/bash$/m);
  });

  it("has layers that are derivations of their own beside those that are planned", async () => {
    const image = await load("builtLayers");
    assert.equal(await docker.output(image), "Hello, world!\n");
    const conf = (await examples.evaluate("toString examples.builtLayers.conf")) as string;
    const { store_layers: layers, built_layers: built } = JSON.parse(
      await readFile(examples.outside(conf), "utf8"),
    ) as { store_layers: string[][]; built_layers: string[] };
    assert.equal(built.length, 2);
    assert.ok(
      layers[0]!.some((path) => /-libc6-/.test(path)) && layers[0]!.some((path) => /-bash-/.test(path)),
    );
    assert.deepEqual(
      layers[1]!.map((path) => /-hello-/.test(path)),
      [true],
    );
    assert.equal(new Set(layers.flat()).size, layers.flat().length);
    assert.equal((await layersOf(image)).length, layers.length + 1);
  });

  it("has settings in /etc that are the store's", async () => {
    assert.match(await docker.output(await load("etc")), /localhost/);
  });

  it("takes files that are in no store", async () => {
    for (const attribute of ["build-image-with-path", "layered-image-with-path"]) {
      const image = await load(attribute);
      const read = ["bash", "-c", 'read -r line </hello.txt; echo "$line"'];
      assert.equal(await docker.output(image, read), "A file that is in no store.\n");
    }
  });

  it("makes certificates, a shell, env and users where programs look for them", async () => {
    const certificates = await load("image-with-certs");
    for (const file of [
      "ssl/certs/ca-bundle.crt",
      "ssl/certs/ca-certificates.crt",
      "pki/tls/certs/ca-bundle.crt",
    ]) {
      assert.match(await docker.output(certificates, ["head", "-n1", `/etc/${file}`]), /BEGIN CERTIFICATE/);
    }
    const image = await load("shadow");
    assert.match(await docker.output(image, ["/bin/sh", "-c", "/usr/bin/env id jane"]), /\(jane\)/);
  });

  it("plans as a layering pipeline says", async () => {
    const image = await load("pipeline");
    assert.equal(await docker.output(image, ["hello"]), "Hello, world!\n");
    // glibc with what it needs, what needs it, and the last one.
    assert.equal((await layersOf(image)).length, 3);
  });

  it("makes shells as nix-shell does, for a terminal and without one", async () => {
    const build = ["bash", "-c", "buildDerivation && $out/bin/hello"];
    assert.match(await docker.output(await load("nix-shell-basic"), build), /^Hello, world!$/m);
    for (const [attribute, answer] of [
      ["nix-shell-hook", /^The hook ran\r?$/m],
      ["nix-shell-inputs", /^Hello, world!\r?$/m],
      ["nix-shell-command", /^This shell is interactive\r?$/m],
      ["nix-shell-writable-home", /^\/build can be written\r?$/m],
      ["nix-shell-nonexistent-home", /^\/homeless-shelter isn't there\r?$/m],
    ] as const) {
      assert.match(await docker.output(await load(attribute), [], ["--tty"]), answer, attribute);
    }
  });

  it("makes shells in the environment of a derivation", async () => {
    const run = await load("nix-shell-run");
    assert.match(await docker.output(run), /^This shell is not interactive$/m);
    const certificates = (await envOf(run)).filter((variable) => /^(?:NIX_)?SSL_CERT_FILE=/.test(variable));
    assert.deepEqual(new Set(certificates.map((variable) => variable.replace(/.*=/, ""))).size, 1);
    assert.equal(certificates.length, 2);
    assert.match(await docker.output(await load("nix-shell-pass-as-file")), /this is a string/);
    // It builds GNU Hello in the container, puts it into the store there, and runs it.
    assert.match(await docker.output(await load("nix-shell-build-derivation")), /^Hello, world!$/m);
    const image = await load("nix-shell-image");
    assert.match(await docker.output(image), /^Hello from a shell in \/build as 1000$/m);
    assert.equal((await docker.inspect(image)).Config.User, "1000:1000");
  });

  it("streams what nixpkgs' own script writes for the same conf, byte for byte", async () => {
    for (const attribute of ["layered-on-top-layered", "layered-bulk-layer", "nginx"]) {
      const conf = (await examples.evaluate(`toString examples.${attribute}.conf`)) as string;
      const [ours, theirs] = ["ours", "theirs"].map((name) => join(examples.folder, `${name}.tar`)) as [
        string,
        string,
      ];
      const stream = (await examples.evaluate(`toString examples.${attribute}.stream`)) as string;
      assert.ok(existsSync(examples.outside(conf)), conf);
      assert.equal((await examples.tryBuild(`${attribute}.stream`)).code, 0);
      await examples.nix.run([stream], { stdoutFile: ours });
      await examples.nix.run([requirePython(), oracle, conf], { stdoutFile: theirs });
      await mustRun(["cmp", theirs, ours]);
    }
  });

  it("lets a script in the image give its files to others, on top of such files", async () => {
    const image = await load("ownersInImage");
    const paths = ["/home/alice", "/home/bob", "/shared", "/shared/null"];
    const stat = ["stat", "-c", "%n %u:%g %a %F", ...paths];
    assert.equal(
      await docker.output(image, stat),
      [
        "/home/alice 1000:0 755 directory",
        "/home/bob 1001:100 755 directory",
        "/shared 1002:0 1777 directory",
        "/shared/null 0:0 666 character special file",
        "",
      ].join("\n"),
    );
    assert.equal(await docker.output(image, ["cat", "/owners"]), "/home/alice 1000:0\n/home/bob 1001:100\n");
  });

  it("makes without Nix' sandbox, as root, the bytes that a user of one id made in it", async () => {
    const attributes = [
      "layered-image.customisationLayer",
      "layeredImageWithFakeRootCommands.customisationLayer",
      "nixLayered.customisationLayer",
      "layered-on-top-layered",
      "bash",
      "helloLayer",
      // Scripts in an image that has no store, in one that has, and in a layer.
      "shadow.layer",
      "ownersInImage.layer",
      "imageViaFakeChroot.customisationLayer",
    ];
    const all = attributes.flatMap((attribute) => ["--attr", attribute]);
    const { code, stderr } = await examples.tryBuild("ownersInImage", ["--check", "--max-jobs", "2", ...all]);
    assert.equal(code, 0, stderr);
    const names = attributes.map((attribute) => `examples.${attribute}`).join(" ");
    const files = await examples.evaluate(
      `map (one: builtins.unsafeDiscardStringContext one.drvPath) [ ${names} ]`,
    );
    for (const file of files as string[]) assert.ok(stderr.includes(`checking outputs of '${file}'`), file);
  });

  it("makes programs with rights of their own in Nix' sandbox, which lets no builder do so", async () => {
    const image = (await examples.build(["rightsInImage"], SANDBOX)).get("rightsInImage")!;
    const name = await examples.load(docker, image);
    const user = ["--user", "1234:1234"];
    assert.match(await docker.output(name, ["/id"], user), /uid=1234 gid=1234 euid=0/);
    assert.equal(await docker.output(name, ["/cat", "/secret"], user), "secret\n");
  });

  it("loads into the Docker Engine without an archive, the same image", async () => {
    for (const [program, attribute] of [
      ["loadStream", "bashNoTagStreamLayered"],
      ["loadBash", "bash"],
    ] as const) {
      const image = await load(attribute);
      const { Id } = await docker.inspect(image);
      await docker.docker(["image", "rm", "--force", image]);
      const env = { DOCKER_HOST: `unix://${docker.socket}` };
      await examples.nix.run([examples.get(program).out, "--quiet"], { env });
      assert.equal((await docker.inspect(image)).Id, Id);
    }
  });
});

/** What a step gives once it gives something; fails after two minutes. */
async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (Date.now() > end) throw new Error("it did not happen within two minutes");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The last layer of a compressed docker-archive. */
async function layerSizes(archive: string): Promise<{ last: Buffer }> {
  const manifest = JSON.parse(await mustRun(["tar", "-xOf", archive, "manifest.json"])) as {
    Layers: string[];
  }[];
  const { stdout } = await run(["tar", "-xOf", archive, manifest[0]!.Layers.at(-1)!]);
  return { last: stdout };
}
