/**
 * `npm run fuzz [-- SECONDS] [--seeds N] [--seed SEED] [--target NAME]`: tries fresh seeds on every target for so many seconds
 * (60 unless said), or so many seeds; prints what was found, and how to see it again; ends with 1 if anything was.
 * `--seed` begins with that seed, and tries it alone unless told how many.
 */
import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { type Finding, Fuzzer } from "./driver.ts";
import { targets } from "./targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string" }, seed: { type: "string" }, target: { type: "string" } },
});

function whole(text: string | undefined): number | undefined {
  if (text === undefined || /^[0-9]{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  console.error(
    `${text} is not a whole number; write npm run fuzz -- [SECONDS] [--seeds N] [--seed SEED] [--target NAME]`,
  );
  process.exit(2);
}

const chosen = targets.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0) {
  console.error(
    `there is no target ${values.target}; there are ${targets.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const given = whole(values.seed);
const first = given ?? randomInt(1_000_000_000);
const seeds = whole(values.seeds) ?? (given === undefined ? undefined : 1);
const seconds = whole(positionals[0]) ?? (seeds === undefined ? 60 : undefined);
const until = seconds === undefined ? undefined : performance.now() + seconds * 1000;
console.log(`The first seed is ${first}.`);

const findings: Finding[] = [];
let tried = 0;
await using fuzzer = new Fuzzer();
const goesOn = () =>
  (seeds === undefined || tried < seeds) && (until === undefined || performance.now() < until);
for (; goesOn(); tried++) {
  for (const { name } of chosen) {
    const finding = await fuzzer.try({ target: name, seed: first + tried });
    if (finding === undefined) continue;
    findings.push(finding);
    const again = `npm run fuzz -- --target ${finding.target} --seed ${finding.seed}`;
    console.log(
      `\n${finding.target} found something with ${finding.seed}; see it again with \`${again}\`:\n${finding.what}\n`,
    );
  }
}

const inputs = chosen.reduce((sum, { runs }) => sum + runs * tried, 0);
console.log(
  `${tried} seeds, ${inputs} inputs for ${chosen.map(({ name }) => name).join(", ")}: ${findings.length} findings.`,
);
for (const { target, seed } of findings) console.log(`  ${target} ${seed}`);
process.exitCode = findings.length === 0 ? 0 : 1;
