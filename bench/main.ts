/** `npm run bench [-- NAME...]`: measures varve beside what it replaces, and prints the ratios. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findPython, ROOT } from "./bench.ts";
import { BENCHES } from "./benches/index.ts";
import { disturbance, type Row, table } from "./report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    varve: { type: "string" },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  if (values.list) {
    for (const { name, what } of BENCHES) console.log(`${name.padEnd(14)} ${what}`);
    return 0;
  }
  const runs = Number(values.runs);
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
    say(
      `usage: npm run bench -- [--runs N] [--json] [--save] [--quiet] [--list] [--varve BIN_JS] [NAME...], where NAME is one of ${names()}`,
    );
    return 2;
  }
  for (const tool of ["/usr/bin/time", "/usr/bin/openssl"]) {
    if (!existsSync(tool)) throw new Error(`${tool} is missing: run "apt-get install time openssl tar"`);
  }
  const bin = values.varve === undefined ? join(ROOT, "dist/bin.js") : resolve(values.varve);
  // What is measured is what the sources say now, unless another build was named.
  if (values.varve === undefined) {
    const built = spawnSync(process.execPath, ["scripts/build.ts"], { cwd: ROOT, stdio: "inherit" });
    if (built.status !== 0) throw new Error("varve can't be built");
  }
  if (!existsSync(bin)) throw new Error(`${bin} is missing`);
  const work = resolve(process.env["VARVE_BENCH_DIR"] ?? join(ROOT, "bench/.work"));
  mkdirSync(work, { recursive: true });

  const chosen = BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const rows: (Row & { bench: string })[] = [];
  for (const bench of chosen) {
    say(`${bench.name}: ${bench.what}`);
    const found = await bench.run({ work, runs, quiet: values.quiet, varve: [process.execPath, bin], say });
    rows.push(...found.map((row) => ({ bench: bench.name, ...row })));
  }
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    cpython: findPython().version,
  };
  const json = `${JSON.stringify({ machine, runs, rows }, null, 2)}\n`;
  if (values.save) writeFileSync(join(ROOT, "bench/baseline.json"), json);
  if (values.json) process.stdout.write(json);
  else {
    const { cpu, cores, memory, node, cpython } = machine;
    console.log(
      `${cpu}, ${cores} cores, ${memory}; Node ${node}, CPython ${cpython}; ${runs} runs of each\n`,
    );
    console.log(table(rows));
    const warning = disturbance(rows);
    if (warning !== undefined) console.log(`\n${warning}`);
  }
  // A target that is missed is something to know, and noise is no failure; only a wrong result is one.
  return 0;
}

const names = (): string => BENCHES.map(({ name }) => name).join(", ");

try {
  process.exitCode = await main();
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
