/** The program that makes the sandbox from inside; `scripts/build.ts` puts the file's text in place of this module. */
import { readFileSync } from "node:fs";

export const SETUP = readFileSync(new URL("setup.sh", import.meta.url), "utf8");
