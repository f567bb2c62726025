/** What of GitHub's runner a job needs whose actions are its checkout, Node.js, and the one in this repository. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load as parse } from "js-yaml";
import type { Newcomer } from "./newcomer.ts";

export interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: Readonly<Record<string, string | boolean | number>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

/** Values of expressions, such as `github.sha`. */
export type Values = Readonly<Record<string, string>>;

export interface JobOptions {
  /** The steps of a job, as a workflow has them. */
  readonly steps: readonly Step[];
  readonly values: Values;
  /** Which `uses` is this repository, and the folder that it is in. */
  readonly own: { readonly uses: string; readonly folder: string };
}

/** Runs a job's steps on somebody's machine, where its checkout and Node.js are already, and returns what its scripts print. */
export async function runJob(newcomer: Newcomer, { steps, values, own }: JobOptions): Promise<string> {
  const outputs = new Outputs(newcomer);
  const known: Record<string, string> = { ...values };
  for (const step of steps) {
    if (step.run !== undefined) {
      await outputs.run(step, known);
      continue;
    }
    if (step.uses !== own.uses) {
      assert.match(step.uses ?? "", /^actions\/(?:checkout|setup-node)@/);
      continue;
    }
    const given = runAction(newcomer, { folder: own.folder, given: filled(step.with ?? {}, known), values });
    for (const [name, value] of Object.entries(await given))
      known[`steps.${step.id}.outputs.${name}`] = value;
  }
  return outputs.printed;
}

interface ActionOptions {
  readonly folder: string;
  readonly given: Values;
  readonly values?: Values;
}

/** Runs a composite action, and returns its outputs. */
export async function runAction(
  newcomer: Newcomer,
  { folder, given, values = {} }: ActionOptions,
): Promise<Record<string, string>> {
  const action = parse(readFileSync(join(folder, "action.yml"), "utf8")) as Action;
  for (const name of Object.keys(given)) assert.ok(name in action.inputs, name);
  const known: Record<string, string> = { ...values };
  for (const [name, { default: usual }] of Object.entries(action.inputs)) {
    known[`inputs.${name}`] = given[name] ?? usual;
  }
  const outputs = new Outputs(newcomer, { GITHUB_ACTION_PATH: folder });
  for (const step of action.runs.steps) {
    const printed = await outputs.run(step, known);
    for (const [name, value] of Object.entries(printed)) known[`steps.${step.id}.outputs.${name}`] = value;
  }
  return filled(
    Object.fromEntries(Object.entries(action.outputs).map(([name, { value }]) => [name, value])),
    known,
  );
}

/** Runs steps, each with a file for what it says to those after it. */
class Outputs {
  readonly #newcomer: Newcomer;
  readonly #env: Values;
  /** What the steps have printed. */
  printed = "";

  constructor(newcomer: Newcomer, env: Values = {}) {
    this.#newcomer = newcomer;
    this.#env = env;
  }

  async run({ run = "", shell, env = {} }: Step, values: Values): Promise<Record<string, string>> {
    const file = join(this.#newcomer.home, "github-output");
    writeFileSync(file, "");
    // As GitHub starts it, with and without `shell: bash`.
    const program = shell === "bash" ? ["bash", "--noprofile", "--norc", "-eo", "pipefail"] : ["bash", "-e"];
    const { home } = this.#newcomer;
    const own = { GITHUB_ACTIONS: "true", CI: "true", GITHUB_OUTPUT: file, RUNNER_TEMP: home, ...this.#env };
    // A step begins where the job does, wherever the one before it went.
    const text = `(\n${fill(run, values)}\n)`;
    this.printed += await this.#newcomer.mustShell(text, {
      env: { ...own, ...filled(env, values) },
      program,
    });
    const lines = readFileSync(file, "utf8").split("\n");
    const pairs = lines.filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/s, 2));
    return Object.fromEntries(pairs) as Record<string, string>;
  }
}

function filled(texts: Readonly<Record<string, unknown>>, values: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(String(text), values)]));
}

function fill(text: string, values: Values): string {
  return text.replaceAll(/\$\{\{ *([\w.-]+) *\}\}/g, (_, name: string) => {
    assert.ok(name in values, `a value for ${name}`);
    return values[name]!;
  });
}
