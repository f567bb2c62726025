/** The command, run by the oldest Node.js that varve says it runs on. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { COMMANDS } from "../../src/front/cli/commands.ts";
import { assertFailed } from "../support/failure.ts";
import { writeProject } from "../support/npm-project.ts";
import { mustRun, run } from "../support/process.ts";
import { writeKeys } from "../support/signing-keys.ts";
import { SIGNER, startSigstore } from "../support/sigstore.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { node22, noNode22 } from "./support/node-22.ts";

/** Every command with the words that call it. */
async function allCommands(): Promise<string[][]> {
  const commands = await Promise.all(
    Object.values(COMMANDS).map(async ({ load }) => (await load()).command()),
  );
  return commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((each) => [command.name(), each.name()]),
  ]);
}

const COMMAND_WORDS = await allCommands();

describe("with Node.js 22.15, the command", { skip: noNode22 }, () => {
  let commands: (readonly [string, ...string[]])[];
  before(async () => {
    commands = [builtCommand, [await node22(), builtCommand[1]!]];
  });

  it("is what runs", async () => {
    const program = commands[1]![0];
    assert.equal((await mustRun([program, "--version"])).trim(), "v22.15.0");
  });

  for (const words of COMMAND_WORDS) {
    it(`says the help of varve ${words.join(" ")}`, async () => {
      const [own, oldest] = await Promise.all(
        commands.map((command) => run([...command, ...words, "--help"])),
      );
      assert.equal(oldest!.code, 0, oldest!.stderr);
      assert.equal(oldest!.stderr, "");
      assert.deepEqual(oldest!.stdout, own!.stdout);
    });
  }

  it("builds, pushes, copies and validates the same images", async (t) => {
    const outputs: string[] = [];
    for (const command of commands) {
      const folder = await temporaryFolder(t);
      const registry = await new FakeRegistry().start();
      t.after(() => registry.stop());
      const place = `docker://${registry.host}/app:1`;
      writeProject(`${folder}/project`);
      const spec = {
        name: "app",
        tag: "1",
        architecture: "amd64",
        graph: "project",
        lockFile: "layers.json",
      };
      writeFileSync(`${folder}/spec.json`, JSON.stringify(spec));
      const varve = (...args: string[]) => mustRun([...command, ...args], { cwd: folder });
      await varve("build", "spec.json", "--output", "app.tar", "--push", place.slice("docker://".length));
      await varve("copy", place, "oci:layout:1", "--compression", "zstd");
      await varve("validate", "oci:layout:1");
      await varve("export", "app.tar", "--output", "root.tar");
      const files = ["app.tar", "layers.json", "layout/index.json", "root.tar"];
      outputs.push(files.map((file) => readFileSync(`${folder}/${file}`, "base64")).join("\n"));
    }
    assert.ok(outputs[0] === outputs[1], "both write the same bytes");
  });

  it("signs with a key, and says that signing without one needs a newer one, with which it does", async (t) => {
    const scope = stacked(t);
    const folder = await temporaryFolder(scope);
    const sigstore = await startSigstore(scope);
    writeFileSync(`${folder}/root.json`, sigstore.trustedRoot);
    writeFileSync(`${folder}/spec.json`, '{"name": "app", "tmp": true}');
    writeKeys(folder);
    const [own, oldest] = commands as [(typeof commands)[0], (typeof commands)[0]];
    const services = ["--fulcio-url", sigstore.url, "--rekor-url", sigstore.url];
    const signing = ["sign", "oci:layout:1", ...services, "--identity-token", sigstore.token()];
    const identity = ["--certificate-identity", SIGNER.subject, "--certificate-oidc-issuer", SIGNER.issuer];
    const verifying = ["verify", "oci:layout:1", ...identity, "--trusted-root", "root.json"];
    await mustRun([...oldest, "build", "spec.json", "-o", "oci:layout:1", "--sign", "--key", "my.key"], {
      cwd: folder,
    });
    await mustRun([...oldest, "verify", "oci:layout:1", "--key", "my.pub"], { cwd: folder });
    for (const args of [signing, verifying]) {
      assertFailed(
        await run([...oldest, ...args], { cwd: folder }),
        /need Node\.js \^22\.22\.2, .*, and this is 22\.15\.0; use a newer one, or sign and verify with a key$/,
      );
      await mustRun([...own, ...args], { cwd: folder });
    }
  });

  it("streams the same bytes", async (t) => {
    const folder = await temporaryFolder(t);
    const store = `${folder}/store`;
    mkdirSync(`${store}/aaaa-hello`, { recursive: true });
    writeFileSync(`${store}/aaaa-hello/file`, "hello");
    const custom = `${folder}/custom`;
    mkdirSync(custom);
    await mustRun(["tar", "-cf", `${custom}/layer.tar`, "-T", "/dev/null"]);
    const checksum = (await mustRun(["sha256sum", `${custom}/layer.tar`])).split(" ")[0];
    writeFileSync(`${custom}/checksum`, `${checksum}`);
    const conf = {
      ...{
        architecture: "amd64",
        config: {},
        created: "1970-01-01T00:00:01Z",
        mtime: "1970-01-01T00:00:01Z",
      },
      ...{ uid: "0", gid: "0", uname: "root", gname: "root", from_image: null, repo_tag: "hello:1" },
      ...{ store_dir: store, store_layers: [[`${store}/aaaa-hello`]], customisation_layer: custom },
    };
    writeFileSync(`${folder}/conf.json`, JSON.stringify(conf));
    const [own, oldest] = await Promise.all(
      commands.map((command) => run([...command, "stream", `${folder}/conf.json`])),
    );
    assert.equal(oldest!.code, 0, oldest!.stderr);
    assert.ok(own!.stdout.length > 1024);
    assert.ok(own!.stdout.equals(oldest!.stdout));
  });
});
