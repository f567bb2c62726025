import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, temporaryFolder } from "../support/tmp.ts";
import { evaluate } from "./evaluate.ts";

const SETUP = fileURLToPath(new URL("../../nix/stdenv/setup", import.meta.url));

/** Runs a text in bash after what scripts of a layer begin with. */
async function shell(t: Scope, text: string, files: Record<string, string> = {}) {
  const folder = await temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const { code, stdout, stderr } = await run(["bash", "-c", `source ${SETUP}\n${text}`], { cwd: folder });
  return {
    code,
    stdout: stdout.toString(),
    stderr,
    read: async (name: string) => await readFile(join(folder, name), "utf8"),
  };
}

describe("the shell of a layer's scripts", () => {
  it("ends where a program in a pipe or a substitution fails", async (t) => {
    for (const text of ["false | true", "x=$(false; echo x)", "echo $(false)$(exit 3); x=$(exit 3)"]) {
      const { code, stdout } = await shell(t, `${text}\necho after`);
      assert.notEqual(code, 0, text);
      assert.doesNotMatch(stdout, /after/);
    }
  });

  it("takes a variable that isn't set for an empty text, as nixpkgs' builders do", async (t) => {
    assert.equal((await shell(t, 'echo "[$varve_nowhere]"')).stdout, "[]\n");
  });

  it("takes a pattern that matches nothing for nothing", async (t) => {
    assert.equal((await shell(t, "for file in *.none; do echo $file; done; echo end")).stdout, "end\n");
  });

  it("replaces texts in files", async (t) => {
    const { code, read, stderr } = await shell(
      t,
      `export name='a & b'
      substituteInPlace one two --replace-fail 'old/' 'n&w\\' --subst-var name --subst-var-by place here
      substitute one three --replace-quiet nowhere x --replace nowhere y
      substituteAllInPlace four`,
      { one: "old/ @name@ @place@\n\n", two: "old/old/", four: "@name@ @PATH@" },
    );
    assert.equal(code, 0, stderr);
    assert.equal(await read("one"), "n&w\\ a & b here\n\n");
    assert.equal(await read("two"), "n&w\\n&w\\");
    assert.equal(await read("three"), await read("one"));
    assert.equal(await read("four"), "a & b @PATH@");
    assert.match(stderr, /^substitute: one doesn't have the text to replace: nowhere\n$/);
  });

  it("fails where there is nothing to replace, no such variable, no such option, or no text", async (t) => {
    const files = { file: "text" };
    for (const [text, sentence] of [
      ["substituteInPlace file --replace-fail other new", /file doesn't have the text to replace: other/],
      ["substituteInPlace none --replace-fail other new", /there is no file none/],
      ["substituteInPlace --replace-fail other new", /takes the names of files/],
      ["substituteInPlace file --subst-var varve_nowhere", /a variable that is set, not 'varve_nowhere'/],
      ["substituteInPlace file --replaced a b", /--replaced is none of its options/],
      ["substituteInPlace file --replace a", /--replace takes a text and its replacement/],
      ["printf 'a\\0b' >null; substituteInPlace null --replace a b", /null isn't a text/],
    ] as const) {
      const { code, stderr } = await shell(t, text, files);
      assert.notEqual(code, 0, text);
      assert.match(stderr, sentence);
    }
  });
});

describe("scripts from Nix", { skip: requires("nixEvaluation") }, () => {
  const layerOf = (image: string) =>
    evaluate(`let i = tools.${image}; in (i.layer or i.customisationLayer).spec`);

  it("begin with stdenv's shell and the derivation's variables, on their first line", async () => {
    const spec = (await layerOf(
      `streamLayeredImage { name = "it's"; contents = [ root ]; extraCommands = "one\\ntwo"; fakeRootCommands = "three"; }`,
    )) as Record<string, string>;
    const [first, ...others] = spec["extraCommands"]!.split("\n");
    assert.match(first!, /^export .*; source \$stdenv\/setup; one$/);
    assert.deepEqual(others, ["two"]);
    assert.match(first!, / name='it'\\''s-customisation-layer' /);
    assert.match(
      first!,
      / out='\/\w{52}' paths='\/nix\/store\/\w{32}-root' stdenv='\/nix\/store\/\w{32}-stdenv' /,
    );
    assert.match(spec["fakeRootCommands"]!, /^export .*; source \$stdenv\/setup; three$/);
  });

  it("find what they copy as contents in buildImage", async () => {
    const spec = (await layerOf(
      `buildImage { name = "a"; copyToRoot = root; extraCommands = "one"; }`,
    )) as Record<string, string>;
    assert.match(spec["extraCommands"]!, / contents='\/nix\/store\/\w{32}-root' /);
  });

  it("are shell scripts and no more beside a script that runs as root, which finds a place for temporary files", async () => {
    const spec = (await layerOf(
      `buildImage { name = "a"; runAsRoot = "root"; extraCommands = "one"; }`,
    )) as Record<string, string>;
    assert.equal(spec["extraCommands"], "one");
    assert.match(spec["runAsRoot"]!, /; \[ -d \/tmp \] \|\| export TMPDIR=\/dev\/shm\nroot\n$/);
  });

  it("have awk, cmp, diff and gzip where pkgs has them", async () => {
    const path = (await evaluate(
      `(tools.streamLayeredImage { name = "a"; extraCommands = "one"; }).customisationLayer.path`,
    )) as string[];
    for (const name of ["gawk", "diffutils", "gzip"]) {
      assert.ok(
        path.some((folder) => folder.endsWith(`-${name}/bin`)),
        name,
      );
    }
  });
});
