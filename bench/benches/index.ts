/** Every benchmark there is, in the order of the report. */
import type { Bench } from "../bench.ts";
import { buildApp, streamApp } from "./app.ts";

import { bake } from "./bake.ts";

import { carry } from "./carry.ts";

import { check } from "./check.ts";
import { dockerfile } from "./dockerfile.ts";
import { fleetBench } from "./fleet.ts";
import { layering } from "./layering.ts";
import { many } from "./many.ts";
import { memory } from "./memory.ts";
import { popularity } from "./popularity.ts";
import { push } from "./push.ts";
import { startup } from "./startup.ts";
import { streamSmall, streamStore } from "./stream.ts";
import { warm } from "./warm.ts";
import { writers } from "./writers.ts";

export const BENCHES: readonly Bench[] = [
  streamStore,
  streamSmall,
  streamApp,
  buildApp,
  push,
  warm,
  dockerfile,
  carry,
  many,
  bake,
  fleetBench,
  writers,
  check,
  memory,
  startup,
  popularity,
  layering,
];
