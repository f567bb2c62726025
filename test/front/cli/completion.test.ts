import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { mustRun, run } from "../../support/process.ts";
import { requires, type SystemName } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

/** Asks a shell, in a folder, how the last word of a line may go on. */
type Ask = (line: string, folder: string, script: string) => Promise<string[]>;

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

const bash: Ask = async (line, cwd, script) => {
  // What readline does: it calls the function with the line, and takes what is in COMPREPLY.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash
  const ask = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _varve; printf "%s\\n" "${COMPREPLY[@]}"';
  return linesOf(await mustRun(["bash", "--norc", "-uc", ask, "bash", script, line], { cwd }));
};

const fish: Ask = async (line, cwd, script) => {
  const ask = "source $argv[1]; cd $argv[2]; complete -C $argv[3]";
  const found = await mustRun(["fish", "--no-config", "-c", ask, script, cwd, line], { env: { HOME: cwd } });
  return linesOf(found).map((match) => match.split("\t")[0]!);
};

/** A zsh in a terminal of its own, in which the tabulator key is pressed once; what it would add is written to a file. */
const ZSH = `
zmodload zsh/zpty
zpty shell env HOME=$PWD zsh -f -i
zpty -w shell "source $PWD/.rc"
while zpty -r shell text; do [[ $text == *ready* ]] && break; done
zpty -w -n shell "$1"$'\\t'
while zpty -r shell text; do :; done
`;
const ZSH_RC = `
autoload -Uz compinit && compinit -u -d ~/.dump
source ~/.varve.zsh
compadd() {
  local -a hits
  if (( $@[(I)-[OAD]*] == 0 )); then
    builtin compadd -A hits "$@"
    print -rl -- $hits >> ~/.matches
  fi
  builtin compadd "$@"
}
finish() { exit }
comppostfuncs=(finish)
bindkey '^I' complete-word
setopt no_beep
cd ~/here
print re""ady
`;

const zsh: Ask = async (line, folder, script) => {
  const home = `${folder}/../zsh`;
  writeFileSync(`${home}/.varve.zsh`, readFileSync(script));
  writeFileSync(`${home}/.rc`, ZSH_RC.replace("~/here", folder));
  writeFileSync(`${home}/.matches`, "");
  await mustRun(["zsh", "-f", "-c", ZSH, "zsh", line], { cwd: home });
  return [...new Set(linesOf(readFileSync(`${home}/.matches`, "utf8")))];
};

for (const [shell, ask] of Object.entries({ bash, zsh, fish })) {
  const skip = shell === "bash" ? false : requires(shell as SystemName);
  describe(`completion in ${shell}`, { skip }, () => {
    const scope = stacked({ after });
    let folder: string;
    let script: string;
    before(async () => {
      const outer = await temporaryFolder(scope);
      folder = `${outer}/here`;
      for (const path of ["here", "here/image-folder", "zsh"]) mkdirSync(`${outer}/${path}`);
      writeFileSync(`${folder}/image.tar`, "");
      writeFileSync(`${folder}/my own.tar`, "");
      script = `${outer}/script`;
      const { code, stdout, stderr } = await varve(["completion", shell]);
      assert.deepEqual([code, stderr], [0, ""]);
      writeFileSync(script, stdout);
    });
    const complete = async (line: string) => (await ask(line, folder, script)).sort();
    const has = async (line: string, ...expected: string[]) =>
      assert.deepEqual(await complete(line), expected);

    it("knows the commands, and those within them", async () => {
      await has("varve in", "index", "init", "inspect");
      await has("varve cache ", "info", "prune", "verify");
      await has("varve index c", "create");
    });

    it("knows a command's options and their values", async () => {
      await has("varve build --cache", "--cache-dir", "--cache-from", "--cache-to");
      await has("varve index create --js", "--json");
      await has("varve build --strategy l", "largest", "leader");
      await has("varve build . --inherit ", "all", "env", "none");
      await has("varve push image.tar x --comp", "--compression");
      await has("varve completion ", "bash", "fish", "zsh");
    });

    it("knows where files are", async () => {
      const [file, ...more] = await complete("varve inspect image.");
      assert.deepEqual([file, more], ["image.tar", []]);
      assert.match((await complete("varve inspect image-")).join(), /^image-folder\/?$/);
      assert.deepEqual(await complete("varve build -o image."), ["image.tar"]);
      assert.deepEqual(await complete("varve build --load --output image."), ["image.tar"]);
      assert.deepEqual(await complete("varve copy image.tar image."), ["image.tar"]);
      assert.deepEqual(await complete("varve merge image.tar image.tar image."), ["image.tar"]);
      // A reference in a registry isn't one, nor is a name.
      assert.deepEqual(await complete("varve push image.tar im"), []);
      assert.deepEqual(await complete("varve build --name im"), []);
      assert.match((await complete("varve inspect my")).join(), /^my\\? own\.tar$/);
    });

    it("takes a word that is an option's value for no command", async () => {
      await has("varve build --name index --cache-f", "--cache-from");
      await has("varve copy build --verb", "--verbose");
    });
  });
}

describe("varve completion", () => {
  it("says how the scripts are kept, and refuses other shells", async () => {
    const { stdout } = await varve(["completion", "--help"]);
    assert.match(stdout.toString(), /varve completion fish > ~\/\.config\/fish\/completions\/varve\.fish/);
    const { code, stderr } = await varve(["completion", "tcsh"]);
    assert.equal(code, 2);
    assert.match(stderr, /Allowed choices are bash, zsh, fish/);
  });

  it("completes places after their kind, and values after an equals sign, in bash", async (t) => {
    const cwd = await temporaryFolder(t);
    mkdirSync(`${cwd}/layout`);
    const text = [...sourceCommand].map((word) => `'${word}'`).join(" ");
    const { stdout } = await run(
      [
        "bash",
        "--norc",
        "-c",
        `source <(${text} completion bash)
         for COMP_LINE in "varve build -o oci:la" "varve build --output=la" "varve build --inherit=e"; do
           COMP_POINT=\${#COMP_LINE}; _varve; echo "\${COMPREPLY[@]}"
         done`,
      ],
      { cwd },
    );
    assert.deepEqual(linesOf(stdout.toString()), ["layout", "layout", "env"]);
  });
});
