/** Signing and verifying at the command line. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { assertFailed } from "../../support/failure.ts";
import { mustRun, run } from "../../support/process.ts";
import { type KeyFiles, writeKeys } from "../../support/signing-keys.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

const PASSPHRASE = "never to be seen";

describe("varve sign, attest and verify", () => {
  const scope = stacked({ after });
  let folder: string;
  let tag: string;
  let digest: string;
  let keys: KeyFiles;

  const succeeds = async (args: readonly string[], env: Record<string, string | undefined> = {}) => {
    const { code, stdout, stderr } = await varve(args, { cwd: folder, env });
    assert.equal(code, 0, stderr);
    return { stdout: stdout.toString(), stderr };
  };

  before(async () => {
    folder = await temporaryFolder(scope);
    const registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    keys = writeKeys(folder, { passphrase: PASSPHRASE });
    writeKeys(folder, { name: "their" });
    tag = `${registry.host}/app:1`;
    writeFileSync(`${folder}/spec.json`, '{"name": "app", "tmp": true}');
    writeFileSync(`${folder}/bom.json`, '{"bomFormat": "CycloneDX"}');
    await succeeds(["build", "spec.json", "--push", tag, "-q"]);
    const { stdout } = await succeeds(["inspect", `docker://${tag}`, "--json"]);
    ({ digest } = JSON.parse(stdout));
  });

  it("say what was signed and what was verified, by its digest", async () => {
    const unsigned = await varve(["verify", tag, "--key", "my.pub"], { cwd: folder });
    assertFailed(unsigned, new RegExp(`^Error: ${tag} \\(${digest}\\) has no signature$`));
    const signed = await succeeds(["sign", tag, "--key", "my.key", "--annotation", "by=me"], {
      COSIGN_PASSWORD: PASSPHRASE,
    });
    assert.equal(signed.stdout, "");
    assert.match(signed.stderr, new RegExp(`^Signed ${tag}: ${digest}, in sha256:[0-9a-f]{64}\\n$`));
    const { stdout } = await succeeds(["verify", tag, "--key", "my.pub"]);
    const lines = stdout.split("\n");
    assert.equal(lines[0], `${tag} is ${digest}`);
    assert.match(
      lines[1]!,
      /^ {2}signed by the ECDSA P-256 key [\w+/]{43}=, saying by=me \(the bundle sha256:[0-9a-f]{64}\)$/,
    );
    const other = await varve(["verify", tag, "--key", "their.pub"], { cwd: folder });
    assertFailed(
      other,
      /has no signature that holds: the bundle sha256:\S+ is signed with another key than their\.pub/,
    );
  });

  it("give programs what they did, without a word of the key", async () => {
    const env = { VARVE_KEY_PASSWORD: PASSPHRASE };
    const secrets = [PASSPHRASE, keys.pem.split("\n")[1]!, keys.pem.split("\n")[2]!];
    const outputs = [
      await succeeds(["sign", tag, "--key", "my.key", "--json"], env),
      await succeeds(
        ["attest", tag, "--key", "my.key", "--type", "cyclonedx", "--predicate", "bom.json", "--json"],
        env,
      ),
      await succeeds(["sign", tag, "--key", "env://MY_KEY", "--json"], {
        ...env,
        MY_KEY: readFileSync(keys.key, "utf8"),
      }),
      await succeeds(["verify", tag, "--key", "my.pub", "--type", "cyclonedx", "--json"]),
    ];
    for (const { stdout, stderr } of outputs) {
      for (const secret of secrets) assert.ok(!`${stdout}${stderr}`.includes(secret));
    }
    const [signed, attested, , verified] = outputs.map(({ stdout }) => JSON.parse(stdout));
    assert.equal(signed.signed[0].digest, digest);
    assert.equal(attested.signed[0].predicateType, "https://cyclonedx.org/bom");
    assert.deepEqual(verified.verified[0].predicate, { bomFormat: "CycloneDX" });
    const wrong = await varve(["sign", tag, "--key", "my.key", "--json"], {
      cwd: folder,
      env: { VARVE_KEY_PASSWORD: `${PASSPHRASE}!` },
    });
    assertFailed(wrong, /^Error: the passphrase doesn't open my\.key$/);
    assert.equal(JSON.parse(wrong.stdout.toString()).error.code, "INVALID_KEY");
    for (const secret of secrets) assert.ok(!`${wrong.stdout}${wrong.stderr}`.includes(secret));
  });

  it("ask for the passphrase at a terminal, and nowhere else", async () => {
    const env = { COSIGN_PASSWORD: undefined, VARVE_KEY_PASSWORD: undefined };
    const unasked = await varve(["sign", tag, "--key", "my.key"], { cwd: folder, env });
    assertFailed(unasked, /my\.key is encrypted, and there is no passphrase for it/);
    const command = [...sourceCommand, "sign", tag, "--key", "my.key"].map((word) => `'${word}'`).join(" ");
    const { code, stdout } = await run(["script", "-qec", command, "/dev/null"], {
      ...{ cwd: folder, env, input: `${PASSPHRASE}\n` },
    });
    const shown = stdout.toString();
    assert.equal(code, 0, shown);
    assert.match(shown, /Passphrase of my\.key: /);
    assert.match(shown, /Signed /);
  });

  it("are wrong usage without a demand, and with a key that signs nothing", async () => {
    const undemanded = await varve(["verify", tag], { cwd: folder });
    assertFailed(undemanded, /^Error: say whose signature is demanded/, 2);
    const unused = await varve(["build", "spec.json", "--push", tag, "--key", "my.key"], { cwd: folder });
    assertFailed(unused, /^Error: a key or an identity token is there for --sign, which isn't given$/, 2);
  });

  it("are options of others: of build, of pull and of copy", async () => {
    const env = { COSIGN_PASSWORD: PASSPHRASE };
    const built = tag.replace("app", "built");
    const { stderr } = await succeeds(
      ["build", "spec.json", "--push", built, "--sbom", "--sign", "--key", "my.key"],
      env,
    );
    assert.match(
      stderr,
      new RegExp(`^Attached an SBOM \\(CycloneDX\\) and a signature to the image in ${built}$`, "m"),
    );
    await succeeds(["pull", built, "oci:pulled:1", "--verify-key", "my.pub", "-q"]);
    for (const args of [
      ["pull", built, "oci:refused:1", "--verify-key", "their.pub"],
      ["copy", `docker://${built}`, "oci:refused:1", "--verify-key", "their.pub", "--referrers"],
    ]) {
      assertFailed(await varve(args, { cwd: folder }), /is signed with another key than their\.pub/);
    }
    const half = await varve(["pull", built, "oci:refused:1", "--verify-identity", "me"], { cwd: folder });
    assertFailed(half, /^Error: a certificate's OIDC issuer is missing/, 2);
    assert.equal(await mustRun(["ls"], { cwd: folder }).then((list) => list.includes("refused")), false);
  });
});
