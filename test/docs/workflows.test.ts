import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { load as parse } from "js-yaml";
import { blocksOf } from "../support/doc-blocks.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string) => readFileSync(`${root}${file}`, "utf8");
const manifest = JSON.parse(text("package.json")) as {
  engines: { node: string };
  scripts: Record<string, string>;
};

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: Record<string, unknown>;
  readonly env?: Record<string, string>;
}

interface Job {
  readonly "runs-on"?: string;
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Record<string, string>;
  readonly strategy?: { readonly matrix: Record<string, readonly (string | number)[]> };
}

interface Workflow {
  readonly permissions?: Record<string, string>;
  readonly jobs: Record<string, Job>;
}

interface Action {
  readonly inputs: Record<string, { readonly description: string; readonly default: string }>;
  readonly outputs: Record<string, { readonly value: string }>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const action = parse(text("action.yml")) as Action;
const files = globSync(".github/workflows/*.yml", { cwd: root }).sort();
const workflows = new Map(files.map((file) => [file, parse(text(file)) as Workflow]));
/** Recipes that pages have. */
for (const { path, text: recipe } of blocksOf("docs/ci.md")) {
  if (path?.startsWith(".github/workflows/")) workflows.set(`docs/ci.md: ${path}`, parse(recipe) as Workflow);
}
const gitlab = blocksOf("docs/ci.md").find(({ path }) => path === ".gitlab-ci.yml")!;

const gitlabJobs = parse(gitlab.text) as Record<string, { script: string[] }>;

const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps = [] }) => steps);
const allSteps = [...action.runs.steps, ...[...workflows.values()].flatMap(stepsOf)];
const scripts = [
  ...allSteps.flatMap(({ run }) => (run === undefined ? [] : [run])),
  ...gitlabJobs["push-image"]!.script,
];

/** The options that `docs/cli.md`, which is made of the commands themselves, has of one. */
function optionsOf(command: string): string[] {
  const [, section] =
    new RegExp(`^## varve ${command}$(.*?)(?=^## |$(?![\\s\\S]))`, "ms").exec(text("docs/cli.md")) ?? [];
  assert.ok(section !== undefined, `there is a command ${command}`);
  return [...section.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option);
}

describe("the workflows, the action and the recipes for CI", () => {
  it("have scripts that a shell can read", () => {
    assert.ok(scripts.length > 8);
    for (const script of scripts) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
      assert.equal(status, 0, `${script}\n${stderr}`);
    }
  });

  it("call commands of varve that there are, with options that they have", () => {
    const calls = scripts
      .flatMap((script) => script.split("\n"))
      .flatMap((line) => [...line.matchAll(/\bvarve ([a-z]+) ([^|>]*)/g)]);
    assert.deepEqual(new Set(calls.map(([, command]) => command)), new Set(["build", "login"]));
    for (const [, command, rest] of calls) {
      const named = [...rest!.matchAll(/ (--[a-z][a-z-]+)/g)].map(([, option]) => option!);
      for (const option of named)
        assert.ok(optionsOf(command!).includes(option), `varve ${command} ${option}`);
    }
    const build = action.runs.steps.find(({ id }) => id === "build")!.run!;
    const added = [...build.matchAll(/(?:^ *each .* |options\+=\()(--[a-z-]+)/gm)];
    assert.ok(added.length >= 6);
    for (const [, option] of added) assert.ok(optionsOf("build").includes(option!), option);
  });

  it("name no job of GitLab's what is a word of its own", () => {
    const words = [
      "after_script",
      "before_script",
      "cache",
      "default",
      "image",
      "include",
      "pages",
      "services",
    ];
    const more = ["spec", "stages", "true", "false", "nil", "variables", "workflow"];
    assert.deepEqual(
      Object.keys(gitlabJobs).filter((name) => [...words, ...more].includes(name)),
      [],
    );
  });

  it("call scripts of the repository that there are", () => {
    const here = [...workflows].filter(([file]) => !file.startsWith("docs/"));
    const runs = here.flatMap(([, workflow]) => stepsOf(workflow)).map(({ run = "" }) => run);
    for (const run of runs) {
      for (const [, file] of run.matchAll(/(?:^|\s)(scripts\/\S+)/g))
        assert.ok(existsSync(root + file), file);
      for (const [, name] of run.matchAll(/npm run (\S+)/g)) assert.ok(name! in manifest.scripts, name);
    }
    assert.ok(runs.includes("scripts/check"));
  });

  it("use actions of others at one commit only, with the version beside it", () => {
    for (const [file, workflow] of workflows) {
      for (const { uses } of stepsOf(workflow)) {
        if (uses === undefined || uses.startsWith("./") || uses.startsWith("me/varve@")) continue;
        const line = (file.startsWith("docs/") ? text("docs/ci.md") : text(file))
          .split("\n")
          .find((each) => each.includes(uses));
        assert.match(line!, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    }
  });

  it("ask for no more rights than they need", () => {
    for (const [file, { permissions, jobs }] of workflows) {
      assert.ok(permissions !== undefined, file);
      const rights = [permissions, ...Object.values(jobs).map((job) => job.permissions ?? {})];
      const written = rights.flatMap((each) => Object.keys(each).filter((name) => each[name] === "write"));
      const expected = file.endsWith("publish.yml")
        ? ["id-token"]
        : file.startsWith("docs/")
          ? ["packages"]
          : [];
      assert.deepEqual(written, expected, file);
    }
  });

  it("test each line of Node.js from the oldest on, on Linux and macOS", () => {
    const { strategy } = workflows.get(".github/workflows/check.yml")!.jobs["fast"]!;
    const { os, node } = strategy!.matrix;
    assert.deepEqual(node, [22, 24, 26]);
    assert.match(manifest.engines.node, new RegExp(`^>=${node![0]}\\.`));
    assert.deepEqual(
      os!.map((name) => String(name).replace(/-.*/, "")),
      ["ubuntu", "macos"],
    );
  });

  it("give the action inputs that it has, and no script one as its own text", () => {
    for (const [file, workflow] of workflows) {
      for (const { uses, with: given = {} } of stepsOf(workflow)) {
        if (uses !== "./" && !uses?.startsWith("me/varve@")) continue;
        for (const name of Object.keys(given)) assert.ok(name in action.inputs, `${file}: ${name}`);
      }
    }
    for (const { run = "" } of allSteps)
      assert.doesNotMatch(run, /\$\{\{ *(?:inputs|github\.event|github\.head_ref)/);
    const used = [...text("action.yml").matchAll(/\$\{\{ inputs\.([\w-]+) \}\}/g)].map(([, name]) => name!);
    assert.deepEqual(new Set(used), new Set(Object.keys(action.inputs)));
    for (const { description } of Object.values(action.inputs)) assert.match(description, /^[A-Z].*\.$/);
    for (const { shell } of action.runs.steps) assert.equal(shell, "bash");
  });
});
