/** What updates cost with each strategy, replayed on real graphs; and how long the slowest of them takes. */
import type { Bench } from "../bench.ts";
import { debianWorlds } from "../layering/debian-graphs.ts";
import { npmWorlds } from "../layering/npm-graphs.ts";
import { histories, replayAll, storage, summary, table } from "../layering/table.ts";
import { timeSteady } from "../layering/time.ts";
import { secondsRow } from "../report.ts";

/** Prints its tables beside the report: `--runs N` takes N seeds. */
export const layering: Bench = {
  name: "layering",
  what: "bytes sent again by updates of images of Debian packages and npm frameworks, by strategy",
  async run({ work, runs, say }) {
    const seconds = Array.from({ length: runs }, timeSteady);
    const debian = debianWorlds(work, say);
    const npm = await npmWorlds(work, say);
    const lines = replayAll([...debian, ...npm], runs, say);
    say(
      `\nBytes sent again, relative to one component a layer; geometric means of the graphs, ${runs} seeds of each\n`,
    );
    say(summary(lines));
    say("\nEach graph by itself\n");
    const rows = lines.map(({ world, draw, layers, ratios }) => ({
      first: [world, draw, String(layers)],
      ratios,
    }));
    say(table(rows, ["graph", "changes", "layers"]));
    say("\nWhat a registry holds of the six Debian images, relative to each package once\n");
    say(storage(debian));
    say("\nBytes sent again in real projects' histories, relative to one package a layer\n");
    say(histories(say));
    say("");
    return [
      secondsRow("steady, last layout: 10,000 components, 50,000 references, 127 layers", seconds, 1.5),
    ];
  },
};
