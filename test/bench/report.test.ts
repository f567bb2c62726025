import assert from "node:assert/strict";
import { test } from "node:test";
import { meets, requestsRow, sizeRow, table, timeRow } from "../../bench/report.ts";
import type { Sample } from "../../bench/run.ts";

const sample = (wall: number): Sample => ({ wall, cpu: 0, peak: 0, others: 0 });

test("meets tests a figure against its target, on both sides if it has to be within some share of 1", () => {
  const figures = (target: Parameters<typeof meets>[1]) =>
    [0.9, 0.99, 1, 1.01, 1.1].map((f) => meets(f, target));
  assert.deepEqual(figures({ atLeast: 1 }), [false, false, true, true, true]);
  assert.deepEqual(figures({ atMost: 1 }), [true, true, true, false, false]);
  assert.deepEqual(figures({ within: 0.02 }), [false, true, true, true, false]);
});

test("a row says whether its target is met, and nothing where it has none", () => {
  const pair = { ours: [sample(2)], theirs: [sample(6)] };
  const last = (line: Parameters<typeof table>[0][number]) => table([line]).split("\n").at(-1)!;
  assert.match(last(timeRow("a", pair, { faster: 3 })), /3\.000x.*at least 3x +met$/);
  assert.match(last(timeRow("a", pair, { faster: 4 })), /at least 4x +MISSED$/);
  assert.match(last(timeRow("a", pair, { faster: undefined })), /3\.000x +0\.0 \/ 0\.0 s$/);
  assert.match(
    last(sizeRow("a", { ours: 3e6, theirs: 2e6 }, { atMost: 1 })),
    /3\.0 MB +2\.0 MB +1\.500x +at most 1x +MISSED$/,
  );
  assert.match(last(sizeRow("a", { ours: 2e6, theirs: 2e6 }, { within: 0.02 })), /within 2% +met$/);
  assert.match(last(requestsRow("a", 9, 9)), /9 requests +at most 9 requests +met$/);
});
