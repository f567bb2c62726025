/** What `varve check` takes of an image that is known, and what the check costs a build that knows nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { debianStore } from "../fixtures/debian.ts";
import { storeImage } from "../fixtures/image.ts";
import { type Row, secondsRow, timeRow } from "../report.ts";
import { type Command, measure, measureTurns, type Setting } from "../run.ts";

/** A share of a build's time that nobody minds. */
const SHARE = 0.1;

export const check: Bench = {
  name: "check",
  what: "varve check of the store's image, and varve build with it against without",
  async run({ work, varve, say, ...options }) {
    const image = storeImage(join(work, "image-store"), await debianStore(work, say), varve);
    const folder = mkdtempSync(join(work, "check-"));
    /** Into a layout of its own in each run, with nothing known beforehand. */
    const cold = (...words: readonly string[]): Setting => {
      return async () => {
        const layout = mkdtempSync(join(folder, "layout-"));
        return {
          command: [...varve, "build", image.spec, "--no-cache", ...words, "--output", `oci:${layout}`],
          sink: "none",
          [Symbol.asyncDispose]: async () => rmSync(layout, { recursive: true }),
        };
      };
    };
    const rows: Row[] = [];
    try {
      for (const compression of ["gzip", "zstd"]) {
        say(`store: building with ${compression}, with the check and without`);
        const settings = [[], ["--no-check"]].map((words) => cold("--compression", compression, ...words));
        const [ours, theirs] = await measureTurns(settings, options);
        rows.push(
          timeRow(
            `store: varve build, ${compression} / the same with --no-check`,
            { ours: ours!, theirs: theirs! },
            { slower: 1 + SHARE },
          ),
        );
      }
      say("store: checking what is known");
      const known: Command = [...varve, "check", image.spec, "--cache-dir", join(folder, "cache")];
      measure(known, { sink: "none" });
      const [warm] = await measureTurns([async () => ({ command: known, sink: "none" as const })], options);
      const walls = warm!.map(({ wall }) => wall);
      return [...rows, secondsRow("store: varve check, known before", walls, 1.5)];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
