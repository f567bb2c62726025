/** Runs the recipes of `docs/ci.md` and the GitHub Action, on the project of `docs/node.md`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { load as parse } from "js-yaml";
import { blocksOf } from "../support/doc-blocks.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { runAction, runJob, type Step } from "./support/github-runner.ts";
import { type Newcomer, startNewcomer, writeService } from "./support/newcomer.ts";

const recipe = (name: string) => blocksOf("docs/ci.md").find(({ path }) => path === name)!;

describe("the recipes for CI", {
  skip: requires("root", "docker", "registry", "openssl", "htpasswd", "npm", "network"),
  timeout: 1_800_000,
}, () => {
  const scope = stacked({ after });
  let newcomer: Newcomer;
  let varve: string;

  before(async () => {
    newcomer = await startNewcomer(scope);
    varve = join(newcomer.home, "varve");
    newcomer.begin("ci");
    // What a checkout brings: the project of the other page, with its lock file, and nothing that is made.
    writeService(newcomer, "hello");
    await newcomer.mustShell(`cd hello
      npm install --package-lock-only
      git init --quiet
      git add .
      git -c user.name=me -c user.email=me@example.com commit --quiet --message first`);
  });

  const digestOf = async (reference: string) => {
    const text = await newcomer.mustShell(`varve inspect --json docker://${reference}`);
    return (JSON.parse(text) as { digest: string }).digest;
  };
  let digest: string;

  it("for GitHub install varve, log in and push; what they put out is what was pushed", async () => {
    const { jobs } = parse(recipe(".github/workflows/image.yml").text) as {
      jobs: { image: { steps: Step[] } };
    };
    const login = { registry: "registry.example.com:5000", username: "me", password: "a password" };
    const steps = jobs.image.steps.map((step) =>
      step.id === "image" ? { ...step, with: { ...step.with, ...login } } : step,
    );
    // There anybody may push; whoever logs in is asked for elsewhere.
    const values = { "github.actor": "me", "github.sha": "0123abc", "secrets.GITHUB_TOKEN": "none" };
    const printed = await runJob(newcomer, {
      steps,
      values,
      own: { uses: "me/varve@v0.1.0", folder: varve },
    });
    const said = printed.split("\n").filter((line) => line.endsWith(" was pushed"));
    digest = await digestOf("ghcr.io/me/hello:0123abc");
    assert.equal(await digestOf("ghcr.io/me/hello:latest"), digest);
    assert.deepEqual(said, [`ghcr.io/me/hello:0123abc@${digest} was pushed`]);
    await newcomer.mustShell(`grep -q registry.example.com "$HOME/.docker/config.json"`);
    // Digests were kept, so that another machine may begin with them.
    await newcomer.mustShell("varve build --cache-from ghcr.io/me/hello:cache --quiet --output ../again.tar");
  });

  it("of the action load into Docker, and write to other places", async () => {
    const given = {
      tags: "\nhello:loaded\n",
      load: "true",
      output: "oci:../image\n../image.tar",
      args: "--label\na=b c",
    };
    const { digest, reference } = await runAction(newcomer, { folder: varve, given });
    assert.match(digest!, /^sha256:[0-9a-f]{64}$/);
    assert.equal(reference, "");
    const labels = await newcomer.mustShell(
      "docker image inspect hello:loaded --format '{{.Config.Labels.a}}'",
    );
    assert.equal(labels, "b c\n");
    assert.equal(
      (JSON.parse(await newcomer.mustShell("varve inspect --json oci:../image")) as { digest: string })
        .digest,
      digest,
    );
    await newcomer.mustShell("varve validate ../image.tar");
    // Without names of its own it has the project's.
    await runAction(newcomer, { folder: varve, given: { load: "true" } });
    await newcomer.mustShell("docker image inspect hello:1.0.0");
  });

  it("of the action do nothing where nothing was asked for", async () => {
    await assert.rejects(runAction(newcomer, { folder: varve, given: {} }), /::error::nothing to do/);
    await assert.rejects(
      runAction(newcomer, { folder: varve, given: { push: "true" } }),
      /::error::push needs tags/,
    );
  });

  it("take nothing in an input for a command", async () => {
    const given = { output: "../$(touch pwned).tar", args: "--label\na=$(touch pwned)`touch pwned`" };
    await runAction(newcomer, { folder: varve, given });
    await newcomer.mustShell('test -e "../\\$(touch pwned).tar" && test ! -e pwned');
  });

  it("for GitLab install varve's package, log in and push the same image", async () => {
    const packed = (
      await newcomer.mustShell(`cd ${varve} && npm pack --ignore-scripts --silent && cd - > /dev/null`)
    ).trim();
    const env = {
      VARVE_PACKAGE: join(varve, packed),
      CI_REGISTRY: "registry.example.com:5000",
      CI_REGISTRY_USER: "me",
      CI_REGISTRY_PASSWORD: "a password",
      CI_REGISTRY_IMAGE: "registry.example.com:5000/me/hello",
      CI_COMMIT_SHORT_SHA: "0123abc",
    };
    await newcomer.mustShell(
      "npm uninstall --global varve && rm -rf node_modules dist && ! command -v varve",
    );
    const jobs = parse(recipe(".gitlab-ci.yml").text) as Record<string, { script: string[] }>;
    for (const line of jobs["push-image"]!.script)
      await newcomer.mustShell(line, { env, program: ["sh", "-eu"] });
    const folder = await newcomer.mustShell('readlink -f "$(command -v varve)"');
    assert.ok(!folder.startsWith(varve), folder);
    assert.equal(await digestOf("registry.example.com:5000/me/hello:0123abc"), digest);
    assert.equal(await digestOf("registry.example.com:5000/me/hello:latest"), digest);
  });

  it("for a plain shell push the same image", async () => {
    const [block] = blocksOf("docs/ci.md").filter(({ language }) => language === "sh");
    const pushed = await newcomer.mustShell(`${block!.text}\necho "$digest"`);
    assert.equal(pushed.trimEnd().split("\n").at(-1), digest);
  });
});
