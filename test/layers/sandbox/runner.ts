/**
 * A program that runs scripts as told on stdin, in JSON, and answers in JSON; so tests can have it run as another user.
 * The layer goes to the file `out`.
 */
import { createReadStream, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { VarveError } from "#errors";
import { runScripts, type ScriptOptions } from "#sandbox";

export interface Wish
  extends Partial<Omit<ScriptOptions, "base" | "root" | "onOutput" | "signal" | "temporary" | "path">> {
  readonly steps: ScriptOptions["steps"];
  /** Files with archives. */
  readonly base?: string | undefined;
  readonly root?: string | undefined;
  readonly temporary: string;
  readonly path?: string;
  readonly out: string;
  /** Writes a line on stderr for each line of a script, at once. */
  readonly echo?: boolean;
}

export interface Answer {
  readonly diffId?: string;
  readonly notes?: readonly string[];
  readonly sandbox?: string;
  readonly union?: string;
  readonly code?: string;
  readonly message?: string;
  /** `SCRIPT STREAM LINE` each. */
  readonly output: readonly string[];
}

const { base, root, out, echo, ...wish } = JSON.parse(readFileSync(0, "utf8")) as Wish;
const output: string[] = [];
let answer: Answer;
try {
  await using layer = await runScripts({
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    path: process.env["PATH"] ?? "",
    ...wish,
    base: base === undefined ? undefined : () => createReadStream(base),
    root: root === undefined ? undefined : () => createReadStream(root),
    onOutput: (line, stream, script) => {
      output.push(`${script} ${stream} ${line}`);
      if (echo) process.stderr.write(`${line}\n`);
    },
  });
  await writeFile(out, layer.open());
  const { diffId, notes, sandbox, union } = layer;
  answer = { diffId, notes, sandbox, output, ...(union === undefined ? {} : { union }) };
} catch (error) {
  if (!(error instanceof VarveError)) throw error;
  answer = { code: error.code, message: error.message, output };
}
process.stdout.write(JSON.stringify(answer));
