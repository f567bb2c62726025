/** Every benchmark there is, in the order of the report. */
import type { Bench } from "../bench.ts";
import { layering } from "./layering.ts";
import { memory } from "./memory.ts";
import { popularity } from "./popularity.ts";
import { push } from "./push.ts";
import { startup } from "./startup.ts";
import { streamSmall, streamStore } from "./stream.ts";
import { warm } from "./warm.ts";

export const BENCHES: readonly Bench[] = [
  streamStore,
  streamSmall,
  push,
  warm,
  memory,
  startup,
  popularity,
  layering,
];
