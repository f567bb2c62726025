/** How long the popularity contest takes on graphs larger than most. */
import type { Bench } from "../bench.ts";
import { popularityBench } from "../popularity.ts";
import { secondsRow } from "../report.ts";

/** Popularity alone, within this process. */
export const popularity: Bench = {
  name: "popularity",
  what: "popularity of 10,000 components, and of 1,000 diamonds in a chain",
  async run({ runs }) {
    const results = [];
    for (let i = 0; i < runs; i++) results.push(await popularityBench());
    const { components, references } = results[0]!;
    const size = `${components.toLocaleString("en")} components, ${references.toLocaleString("en")} references`;
    return [
      secondsRow(
        `popularity: ${size}`,
        results.map(({ seconds }) => seconds),
        1,
      ),
      secondsRow(
        "popularity: 1,000 diamonds in a chain",
        results.map(({ diamondSeconds }) => diamondSeconds),
        1,
      ),
    ];
  },
};
