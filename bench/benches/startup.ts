/** How long varve takes to say anything at all. */
import type { Bench } from "../bench.ts";
import { timeRow } from "../report.ts";
import { measurePair } from "../run.ts";

/** `varve --version` beside a Node that does nothing. */
export const startup: Bench = {
  name: "startup",
  what: "varve --version, against node -e 0",
  async run({ varve, runs }) {
    const pair = await measurePair({
      ours: [...varve, "--version"],
      theirs: [varve[0], "-e", "0"],
      // Each takes some 30 ms, so there is time for enough of them to see through the noise.
      runs: runs * 6,
      sink: "none",
    });
    return [timeRow("varve --version / node -e 0", pair, { slower: 1.5, unit: "ms" })];
  },
};
