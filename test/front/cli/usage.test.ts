import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Command } from "commander";
import { COMMANDS } from "../../../src/front/cli/commands.ts";
import { EXAMPLES } from "../../../src/front/cli/examples.ts";
import { pathOf } from "../../../src/front/cli/misuse.ts";
import { THEIR_BUILD_OPTIONS, THEIR_COMMANDS } from "../../../src/front/cli/other-tools.ts";
import { makeProgram } from "../../../src/front/cli/program.ts";
import { run } from "../../support/process.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

const packageJson = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

/** The commands that do something, with those in others, by the words that call them. */
async function leaves(): Promise<{ program: Command; commands: ReadonlyMap<string, Command> }> {
  const program = await makeProgram(Object.keys(COMMANDS));
  const found = new Map<string, Command>();
  const add = (command: Command): void => {
    if (command.commands.length === 0) found.set(pathOf(command), command);
    command.commands.forEach(add);
  };
  program.commands.forEach(add);
  return { program, commands: found };
}

describe("what varve says beyond its parser", () => {
  it("has an example for each command that needs words, which its parser takes", async () => {
    const { program, commands } = await leaves();
    const needing = [...commands].filter(
      ([path, { registeredArguments, options }]) =>
        !path.startsWith("nix ") &&
        (registeredArguments.some(({ required }) => required) || options.some(({ mandatory }) => mandatory)),
    );
    assert.deepEqual(needing.map(([path]) => path).sort(), Object.keys(EXAMPLES).sort());
    for (const [path, example] of Object.entries(EXAMPLES)) {
      const ran: string[] = [];
      commands
        .get(path)!
        .action(() => {
          ran.push(path);
        })
        .exitOverride();
      const [varve, ...words] = example.split(" | ")[0]!.split(" ");
      await program.parseAsync(words, { from: "user" });
      assert.deepEqual([varve, ran], ["varve", [path]]);
    }
  });

  it("has help that fits on a terminal of 80 columns", async () => {
    const { program } = await leaves();
    const lines: string[] = [];
    const show = (command: Command): void => {
      const writeOut = (text: string) => lines.push(...text.split("\n"));
      command.configureOutput({ writeOut, getOutHelpWidth: () => 80 }).outputHelp();
      command.commands.forEach(show);
    };
    show(program);
    assert.ok(lines.length > 1000);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  it("answers with commands and options that there are, to words that it doesn't have itself", async () => {
    const { program, commands } = await leaves();
    const optionsOf = (path: string) =>
      [program, commands.get(path)!].flatMap(({ options }) =>
        options.flatMap(({ short, long }) => [short, long]),
      );
    const known = new Set(program.commands.map((command) => command.name()));
    for (const answer of Object.values({ ...THEIR_COMMANDS, ...THEIR_BUILD_OPTIONS })) {
      // An option is one of the command that was named before it.
      let named = "build";
      for (const [, name, option] of answer.matchAll(
        /\bvarve ([a-z]+(?: (?:create|info|prune)\b)?)|(--[a-z-]+)/g,
      )) {
        if (option !== undefined) assert.ok(optionsOf(named).includes(option), answer);
        else if (!/^(?:asks|builds|has|keeps|needs|reads|runs)$/.test(name!)) {
          assert.ok(commands.has(name!), answer);
          named = name!;
        }
      }
    }
    for (const option of Object.keys(THEIR_BUILD_OPTIONS))
      assert.ok(!optionsOf("build").includes(option), option);
    for (const path of Object.keys(THEIR_COMMANDS)) assert.ok(!commands.has(path) && !known.has(path), path);
  });
});

describe("varve", { concurrency: 2 }, () => {
  it("prints its version, and nothing else", async () => {
    for (const args of [["--version"], ["-V"]]) {
      const { code, stdout, stderr } = await varve(args);
      assert.deepEqual([code, stdout.toString(), stderr], [0, `${packageJson.version}\n`, ""]);
    }
  });

  it("prints help on stdout, of itself and of each command", async () => {
    const { code, stdout, stderr } = await varve(["--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const help = stdout.toString();
    for (const name of ["build", "stream", "layers", "inspect"])
      assert.match(help, new RegExp(`^  ${name} +\\w`, "m"));
    // A Node user's come first, in the program's help and in that of build.
    assert.ok(help.indexOf("build") < help.indexOf("stream"));
    const ofBuild = (await varve(["build", "--help"])).stdout.toString();
    assert.match(
      ofBuild,
      /^Where it goes:\n {2}--load .*^What is in it:.*^How it is divided.*^For Nix.*--graph/ms,
    );
    assert.doesNotMatch(ofBuild.split("For Nix")[0]!, /component|graph/);
    for (const name of ["stream"]) {
      const ofCommand = await varve([name, "--help"]);
      assert.equal(ofCommand.code, 0);
      assert.match(ofCommand.stdout.toString(), new RegExp(`^Usage: varve ${name} `));
      assert.deepEqual((await varve(["help", name])).stdout, ofCommand.stdout);
    }
  });

  for (const [what, args, wording] of [
    ["no command", [], /^Usage: varve/],
    ["a command that it doesn't know", ["biuld"], /unknown command 'biuld'/],
    ["an option that it doesn't know", ["layers", "--nope", "x"], /unknown option '--nope'/],
    ["an argument that is missing", ["stream"], /missing required argument 'conf'/],
    ["an argument too many", ["layers", "a", "b"], /too many arguments/],
    ["an option without its value", ["build", "spec.json", "--output"], /argument missing/],
    [
      "a number that is none",
      ["layers", "x", "--max-layers", "many"],
      /'many' is invalid\. It must be a whole number/,
    ],
    [
      "a number that makes no sense",
      ["layers", "x", "--max-layers", "1"],
      /maxLayers is 1, but it must be an integer over 1/,
    ],
  ] as const) {
    it(`takes ${what} for wrong usage: status 2, a word on stderr, no stack`, async () => {
      const { code, stdout, stderr } = await varve(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, wording);
      assert.doesNotMatch(stderr, /^ +at /m);
      assert.equal(stdout.length, 0);
    });
  }

  it("names the command's own help after an option that it doesn't know", async () => {
    const { code, stderr } = await varve(["build", "--qqq", "x.tar"]);
    assert.equal(code, 2);
    assert.equal(stderr, "error: unknown option '--qqq'\n(varve build --help says more)\n");
    const { stderr: ofPrune } = await varve(["cache", "prune", "--nope"]);
    assert.equal(ofPrune, "error: unknown option '--nope'\n(varve cache prune --help says more)\n");
  });

  for (const [args, wording] of [
    [["build", "-t", "app:1"], /^error: unknown option '-t'; varve has --name and --tag for that, /],
    [["build", "-tapp:1"], /'; varve has --name and --tag /],
    [["build", "--destination", "x"], /'; varve has --push REFERENCE .* --output FILE /],
    [["build", "--target=release"], /'; there are no stages/],
    [["build", "--tag", "app:1"], /It is the tag alone: --name app --tag 1\./],
    [["build", "--name", "host:1/app:2"], /It is the name alone: --name host:1\/app --tag 2\./],
    [["digest"], /^error: unknown command 'digest'; varve inspect /],
    [["run", "app:1"], /'; varve runs no containers; varve build --load /],
    [["cache", "clean"], /^error: unknown command 'clean'; it is varve cache prune$/m],
  ] as const) {
    it(`answers another tool's words with its own: ${args.join(" ")}`, async () => {
      const { code, stderr } = await varve(args);
      assert.equal(code, 2);
      assert.match(stderr, wording);
      assert.doesNotMatch(stderr, /Did you mean/);
    });
  }

  it("shows an example where an argument or an option is missing, and at the end of the help", async () => {
    const { code, stderr } = await varve(["push"]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: missing .*'source'; for example: varve push app\.tar ghcr\.io\/me\/app:1$/m,
    );
    for (const args of [
      ["index", "create", "x"],
      ["attach", "x", "y"],
    ]) {
      const found = (await varve(args)).stderr;
      assert.match(found, new RegExp(`for example: varve ${args.slice(0, -1).join(" ").replace(" x", "")} `));
    }
    const { stdout } = await varve(["push", "--help"]);
    assert.match(stdout.toString(), /\nExample:\n {2}varve push app\.tar ghcr\.io\/me\/app:1\n$/);
  });

  for (const version of ["20.11.1", "22.14.0"]) {
    it(`says in one line that it needs a newer Node.js than ${version}`, async () => {
      const older = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
      const [node, ...program] = sourceCommand;
      const { code, stdout, stderr } = await run([
        node,
        "--import",
        `data:text/javascript,${older}`,
        ...program,
        "--version",
      ]);
      assert.equal(stderr, `Error: varve needs Node.js 22.15 or newer, but this is ${version}\n`);
      assert.deepEqual([code, stdout.length], [1, 0]);
    });
  }

  it("has the same least version in its package as in its entry", () => {
    assert.equal(packageJson.engines.node, ">=22.15");
  });
});
