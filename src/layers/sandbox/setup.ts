/** The sandbox's shell files. `scripts/bundle.ts` replaces the reading with their texts. */
import { readFileSync } from "node:fs";

/** Runs its arguments until varve ends. */
export const KEEPER = readFileSync(new URL("keeper.sh", import.meta.url), "utf8");

/** Makes the sandbox from inside, and does one phase of the work. */
export const SETUP =
  readFileSync(new URL("setup.sh", import.meta.url), "utf8") +
  readFileSync(new URL("phases.sh", import.meta.url), "utf8");
