/** What a benchmark is, and what it is given. To add one, write a file in `benches/` and list it in its index. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Row } from "./report.ts";
import type { Command } from "./run.ts";

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What every benchmark gets. */
export interface Context {
  /** The folder for what is made once and kept. */
  work: string;
  /** How many times each side of a pair is run. */
  runs: number;
  /** Take runs again that others on the machine disturbed. */
  quiet: boolean;
  /** The built varve, as its users run it. */
  varve: Command;
  /** Tells people what is going on. */
  say(line: string): void;
}

/** One benchmark. It throws when what it measures is wrong: a wrong image has no speed. */
export interface Bench {
  name: string;
  what: string;
  run(context: Context): Promise<readonly Row[]>;
}

/** A CPython and its version. */
export interface Python {
  file: string;
  version: string;
}

/**
 * The CPython that stands for nixpkgs' script: 3.11 where there is one, the distribution's own before another,
 * since it is built with every optimisation. Answers with the program itself, not with a version manager's shim
 * before it, whose start would count against it.
 */
export function findPython(): Python {
  const ask = "import sys; print(sys.executable); print(sys.version.split()[0], sys.implementation.name)";
  const found: Python[] = [];
  for (const name of ["/usr/bin/python3.11", "python3.11", "/usr/bin/python3", "python3"]) {
    try {
      const answer = execFileSync(name, ["-c", ask], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const [file, version] = answer.split("\n");
      if (version!.endsWith(" cpython")) found.push({ file: file!, version: version!.split(" ")[0]! });
    } catch {
      // Not on this machine.
    }
  }
  const best = found.find(({ version }) => version.startsWith("3.11.")) ?? found[0];
  if (best === undefined) throw new Error("there is no CPython to compare with: install python3");
  return best;
}
