import { advisories } from "./advisories.ts";
import { documents } from "./documents.ts";
import { graphs } from "./graphs.ts";
import { inventory } from "./inventory.ts";
import { packages } from "./packages.ts";
import { references } from "./references.ts";
import { referrers } from "./referrers.ts";
import { registry } from "./registry.ts";
import { signatures } from "./signatures.ts";
import { tar } from "./tar.ts";
import type { Target } from "./target.ts";
import { whiteouts } from "./whiteouts.ts";

/** Everything that is fuzzed. */
export const targets: readonly Target[] = [
  tar,
  documents,
  references,
  graphs,
  whiteouts,
  registry,
  packages,
  referrers,
  inventory,
  advisories,
  signatures,
];
