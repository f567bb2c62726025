import { fileURLToPath } from "node:url";
import { type Finished, run } from "../support/process.ts";

const file = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** Packages that nobody builds: for Nix, a path is as good as one. */
const PACKAGES = [
  ...["bash", "bashInteractive", "cacert", "coreutils", "diffutils", "fakeroot", "findutils", "gawk"],
  ...["gnugrep", "gnused", "gnutar", "gzip", "libcap", "nix", "shadow", "sqlite", "util-linux"],
];

/**
 * Tries to evaluate an expression that may name `tools`, dockerTools' functions made by varve, `pkgs`, and `root`, some store path. Nix
 * neither builds anything nor has a store.
 */
export async function tryToEvaluate(expression: string): Promise<Finished> {
  const packages = PACKAGES.map((name) => `${name} = package "${name}";`).join(" ");
  const text = `let
    package = name: derivation { inherit name; system = "x86_64-linux"; builder = "/nobody"; };
    pkgs = { system = "x86_64-linux"; runtimeShell = "\${package "bash"}/bin/bash"; ${packages} };
    tools = import ${file("nix")} { inherit pkgs; varve = package "varve"; };
    root = package "root";
  in ${expression}`;
  const readOnly = ["--readonly-mode", "--store", "dummy://"];
  return await run(["nix-instantiate", "--eval", "--strict", "--json", ...readOnly, "--expr", text], {
    env: { NIX_REMOTE: undefined, NIX_PATH: undefined },
  });
}

/** What an expression is. */
export async function evaluate(expression: string): Promise<unknown> {
  const { code, stdout, stderr } = await tryToEvaluate(expression);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout.toString());
}
