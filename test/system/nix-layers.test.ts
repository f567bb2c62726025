import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeRegistry } from "#testing";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type NixStore, outside, startNix } from "./support/nix.ts";

const file = fileURLToPath(new URL("support/layers.nix", import.meta.url));

/** The layers that are derivations. */
const LAYERS = ["apps-layer", "below-layer", "others-layer"];

describe("layers that are derivations of their own", { skip: requires("nix") }, () => {
  const scope = stacked({ after });
  let folder: string;
  /** Where somebody wants an image. */
  let own: NixStore;
  /** What builds for them. */
  let builder: string;
  /** Where others get what was built once. */
  let cache: string;

  before(async () => {
    folder = await temporaryFolder(scope);
    cache = `file://${join(folder, "cache")}`;
    own = await startNix(scope);
    const other = await startNix(scope);
    // To Nix, localhost needs no ssh: it runs the program, which sees the other store.
    const program = join(folder, "nix-daemon");
    const env = Object.entries(other.env).map(([name, value]) =>
      value === undefined ? `-u ${name}` : `${name}='${value}'`,
    );
    const command = other.inside(["nix-daemon"]).map((word) => `'${word}'`);
    await writeFile(program, `#!/bin/sh\nexec env ${env.sort().join(" ")} ${command.join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    builder = `ssh-ng://localhost?remote-program=${program}`;
  });

  /** Builds attributes of the file; what Nix says that it did. */
  async function build(nix: NixStore, attributes: readonly string[], ...options: string[]) {
    const [node, varve] = builtCommand as [string, string];
    const { code, stdout, stderr } = await run(
      nix.inside([
        ...["nix-build", file, "--no-out-link", ...attributes.flatMap((attribute) => ["-A", attribute])],
        ...[
          "--arg",
          "busybox",
          join(nix.folder, "../programs"),
          "--argstr",
          "node",
          node,
          "--argstr",
          "varve",
          varve,
        ],
        ...options,
      ]),
      { env: nix.env, timeoutSeconds: 300 },
    );
    assert.equal(code, 0, stderr);
    // What another store builds is said twice, by both.
    const said = (form: RegExp) => [...new Set([...stderr.matchAll(form)].map(([, name]) => name!))].sort();
    return {
      outputs: stdout.toString().trim().split("\n"),
      built: said(/^building '\/nix\/store\/\w{32}-(.*)\.drv'/gm),
      elsewhere: said(/^building '\/nix\/store\/\w{32}-(.*)\.drv' on 'ssh-ng:/gm),
      fetched: said(/^copying path '\/nix\/store\/\w{32}-(.*)' from 'file:/gm),
    };
  }

  async function layersOf(nix: NixStore, conf: string): Promise<{ store: string[][]; built: string[] }> {
    const { store_layers, built_layers } = JSON.parse(await readFile(outside(nix, conf), "utf8"));
    const name = (path: string) => path.slice("/nix/store/".length + 33);
    return {
      store: store_layers.map((paths: string[]) => paths.map(name)),
      built: built_layers.map(name),
    };
  }

  it("are built by another store, and hold each path once", async () => {
    const { outputs, built, elsewhere } = await build(
      own,
      ["image", "conf", "below", "apps", "others"],
      ...["--builders", `${builder} ${await systemOf(own)} - 4`, "--max-jobs", "0"],
    );
    assert.deepEqual(elsewhere, built);
    for (const layer of LAYERS) assert.ok(built.includes(layer), layer);
    assert.deepEqual(await layersOf(own, outputs[1]!), {
      store: [["libc", "shell"], ["app-1"], ["tool"], ["extra"]],
      built: ["below-layer", "apps-layer", "others-layer"],
    });
    await own.run(["nix", "copy", "--to", cache, ...outputs]);
  });

  it("are fetched, and after a change of one package its layer is built and the image, nothing else", async () => {
    const another = await startNix(scope);
    const options = [
      "--option",
      "substituters",
      cache,
      "--option",
      "require-sigs",
      "false",
      "--max-jobs",
      "2",
    ];
    const first = await build(another, ["image", "conf"], ...options);
    assert.deepEqual(
      first.fetched.filter((name) => name.endsWith("-layer")),
      ["apps-layer", "below-layer", "layers-customisation-layer", "others-layer"],
    );
    // A text, for which Nix isn't to look elsewhere.
    assert.deepEqual(first.built, ["stream-layers"]);

    const changed = await build(another, ["image", "conf"], ...options, "--argstr", "version", "2");
    assert.deepEqual(changed.built, [
      "app-2",
      "apps-layer",
      "layers-base.json",
      "layers-conf.json",
      "stream-layers",
    ]);
    assert.deepEqual(changed.fetched, []);

    // And what is pushed is what was built: one layer, sent as it is, and the config.
    const registry = await new FakeRegistry().start();
    try {
      const push = async (conf: string) => {
        const reference = `${registry.host}/layers:1`;
        const options = ["--json", "--no-cache"];
        const answer = await another.run([...builtCommand, "nix", "push", conf, reference, ...options]);
        return JSON.parse(answer)[0].layers as { digest: string; outcome: string; mediaType: string }[];
      };
      const before = await push(first.outputs[1]!);
      const after = await push(changed.outputs[1]!);
      assert.deepEqual(
        after.map(({ outcome }) => outcome),
        ["present", "written", "present", "present", "present"],
      );
      assert.deepEqual(
        before.map(({ mediaType }) => mediaType.replace(/.*\+/, "")),
        ["gzip", "gzip", "zstd", "gzip", "gzip"],
      );
    } finally {
      await registry.stop();
    }

    // For nix-snapshotter, the image names each path of the store that it needs, and nothing is packed.
    const mounted = await build(another, ["snapshotter", "snapshotter.conf"], ...options);
    const archive = outside(another, mounted.outputs[0]!);
    const found = JSON.parse(await mustRun([...builtCommand, "inspect", "--raw", `oci-archive:${archive}`]));
    const named = Object.values(found.layers[0].annotations as Record<string, string>).filter(
      (path) => path !== "true",
    );
    const needed = JSON.parse(await readFile(outside(another, mounted.outputs[1]!), "utf8")).store_mounts;
    assert.deepEqual(named, needed);
    assert.deepEqual(needed.map((path: string) => path.slice(44)).sort(), [
      "app-1",
      "extra",
      "libc",
      "shell",
      "tool",
    ]);

    // The stream is that of an image without such layers, whose plan is the same.
    const streams = ["with", "without"].map((name) => join(folder, `${name}.tar`)) as [string, string];
    const { built_layers: _, ...plain } = JSON.parse(
      await readFile(outside(another, changed.outputs[1]!), "utf8"),
    );
    const plainConf = join(folder, "plain.json");
    await writeFile(plainConf, JSON.stringify(plain));
    await another.run([changed.outputs[0]!], { stdoutFile: streams[0] });
    await another.run([...builtCommand, "stream", plainConf], { stdoutFile: streams[1] });
    await mustRun(["cmp", ...streams]);
  });
});

async function systemOf(nix: NixStore): Promise<string> {
  return JSON.parse(
    await nix.run(["nix-instantiate", "--eval", "--json", "--expr", "builtins.currentSystem"]),
  );
}
