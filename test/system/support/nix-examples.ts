import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "../../../examples/nix/prepare.ts";
import { type Finished, type RunOptions, run } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import type { Dockerd } from "./dockerd.ts";
import { type NixStore, outside, startNix } from "./nix.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));

/** What Nix knows of an example before it is built. */
export interface Example {
  readonly attribute: string;
  /** Its store path. */
  readonly out: string;
  readonly imageName?: string;
  readonly imageTag?: string;
  readonly isExe?: boolean;
}

/** `examples/nix` in a store that is gone with the scope. */
export interface NixExamples {
  readonly nix: NixStore;
  readonly folder: string;
  /** An example that is built. */
  get(attribute: string): Example;
  /** Builds others, with arguments for `examples/nix`; by attribute. */
  build(attributes: readonly string[], options?: readonly string[]): Promise<Map<string, Example>>;
  /** Tries to; whatever the exit code. */
  tryBuild(attribute: string, options?: readonly string[]): Promise<Finished>;
  /** What an expression is, of which `examples` is a part. */
  evaluate(expression: string): Promise<unknown>;
  /** A file outside the store's own mount namespace that is the one at a store path. */
  outside(storePath: string): string;
  /** A docker-archive of an example: the output itself, or what it writes. */
  archive(example: Example): Promise<string>;
  /** Loads an example and returns its name with its tag. */
  load(docker: Dockerd, attribute: string | Example): Promise<string>;
}

/**
 * Fetches the packages, builds these examples, and keeps the store for more.
 * @param first options of nix-build for these, but not for the packages that they are made of
 */
export async function startNixExamples(
  scope: Scope,
  attributes: readonly string[],
  first: readonly string[] = [],
): Promise<NixExamples> {
  const debs = path("examples/nix/debs");
  prepare(debs);
  const folder = await temporaryFolder(scope);
  const nix = await startNix(scope);
  const file = path("examples/nix");

  // What is built now, whatever is built while the tests run.
  const dist = join(folder, "dist");
  await cp(path("dist"), dist, { recursive: true });
  const pkgs = `import ${file}/packages.nix { debs = ${debs}; }`;
  const varve = `import ${path("nix/varve.nix")} { pkgs = ${pkgs}; dist = ${dist}; }`;
  const common = ["--arg", "debs", debs, "--arg", "varve", varve];

  const command = (program: string, ...args: string[]): [string, ...string[]] => [
    program,
    file,
    ...common,
    ...args,
  ];
  const options: RunOptions = { timeoutSeconds: 560 };
  const tryBuild = (attribute: string, more: readonly string[] = []) =>
    run(nix.inside(command("nix-build", "--no-out-link", "--attr", attribute, ...more)), {
      ...options,
      env: nix.env,
    });

  const build: NixExamples["build"] = async (wanted, more = []) => {
    const attrs = wanted.flatMap((attribute) => ["--attr", attribute]);
    const jobs = ["--max-jobs", "2", "--quiet"];
    await nix.run(command("nix-build", "--no-out-link", ...jobs, ...attrs, ...more), options);
    const facts = await nix.run(
      [
        "nix-instantiate",
        "--eval",
        "--strict",
        "--json",
        "--expr",
        `{ file, names, arguments }:
          let
            examples = import file arguments;
            factsOf = attribute: let one = examples.\${attribute}; in {
              inherit attribute;
              out = builtins.unsafeDiscardStringContext one.outPath;
            } // builtins.intersectAttrs { imageName = 1; imageTag = 1; isExe = 1; } one;
          in
          map factsOf (builtins.fromJSON names)`,
        ...["--arg", "file", file, "--argstr", "names", JSON.stringify(wanted)],
        ...["--arg", "arguments", argumentsOf([...common, ...more])],
      ],
      options,
    );
    return new Map((JSON.parse(facts) as Example[]).map((example) => [example.attribute, example]));
  };
  if (first.length > 0) {
    // The packages are Debian's, however they are unpacked, and most of the work.
    const packages = `[ (${varve}) ] ++ builtins.filter (one: one.type or "" == "derivation") (builtins.attrValues (${pkgs}))`;
    await nix.run(["nix-build", "--no-out-link", "--max-jobs", "2", "--quiet", "--expr", packages], options);
  }
  const built = await build(attributes, first);

  const get = (attribute: string): Example => {
    const found = built.get(attribute);
    if (found === undefined) throw new Error(`the example ${attribute} isn't built`);
    return found;
  };
  const archive = async (example: Example): Promise<string> => {
    const written = join(folder, `${example.attribute}.tar`);
    if (example.out.endsWith(".zst")) {
      // Older engines read no zstd.
      await run(["zstd", "--decompress", "--quiet", "--force", outside(nix, example.out), "-o", written]);
      return written;
    }
    if (example.isExe !== true) return outside(nix, example.out);
    await nix.run([example.out], { stdoutFile: written });
    return written;
  };
  return {
    nix,
    folder,
    get,
    build,
    tryBuild,
    outside: (storePath) => outside(nix, storePath),
    archive,
    evaluate: async (expression) =>
      JSON.parse(
        await nix.run([
          "nix-instantiate",
          ...["--eval", "--strict", "--json", "--expr"],
          `let examples = import ${file} ${argumentsOf(common)}; pkgs = ${pkgs}; tools = import ${path("nix")} { inherit pkgs; varve = "/none"; }; in ${expression}`,
        ]),
      ),
    load: async (docker, attribute) => {
      const example = typeof attribute === "string" ? get(attribute) : attribute;
      await docker.load(await archive(example));
      return `${example.imageName}:${example.imageTag}`;
    },
  };
}

/** `--arg NAME EXPRESSION` of examples as the argument of the function that they are. */
function argumentsOf(options: readonly string[]): string {
  const given: string[] = [];
  for (let at = 0; at < options.length; at++) {
    if (options[at] === "--arg") given.push(`${options[at + 1]} = ${options[at + 2]};`);
  }
  return `{ ${given.join(" ")} }`;
}
