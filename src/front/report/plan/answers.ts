/** What a plan says first of a Node project: what a change costs. */
import { formatBytes } from "../table.ts";
import type { ChangeCost } from "./changes.ts";
import { ENGINES, type Engine } from "./engines.ts";
import type { PlanReport } from "./report.ts";

/** A question that the developer of a Node project has, and the answer, both without a point at the end. */
export interface Answer {
  readonly question: string;
  readonly answer: string;
}

/** What is asked first of a Node project's plan; nothing of another. */
export function answers({ changes = {} }: PlanReport): Answer[] {
  const { code, dependency } = changes;
  return [
    ...(code === undefined ? [] : [{ question: "Your code", answer: costText(code) }]),
    ...(dependency === undefined ? [] : [{ question: "One dependency", answer: costText(dependency) }]),
  ];
}

function costText(cost: ChangeCost): string {
  const seconds = (engine: Engine) => `${cost[engine].seconds.toFixed(1)} s`;
  const { docker, podman } = cost;
  if (docker.bytes === podman.bytes) {
    const each = (Object.keys(ENGINES) as Engine[]).map((engine) => `${ENGINES[engine]} ${seconds(engine)}`);
    return `a change is ${formatBytes(docker.bytes)} for each engine: ${each.join(", ")}`;
  }
  return `a change is ${formatBytes(docker.bytes)} for ${ENGINES.docker}, ${seconds("docker")}; ${formatBytes(podman.bytes)} for ${ENGINES.podman}, ${seconds("podman")}, and ${ENGINES.containerd}, ${seconds("containerd")}`;
}
