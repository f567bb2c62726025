import { makeGraph } from "#graph";
import { leader } from "#layering";
import { storeName } from "../fixtures/store.ts";
import { Random } from "./random.ts";

/** How many seconds `leader` takes for 10,000 components with 5 references each and sizes of all magnitudes, 127 layers. */
export function timeLeader(): number {
  const random = new Random(7);
  const paths: string[] = [];
  const components = Array.from({ length: 10_000 }, (_, at) => {
    const id = `/nix/store/${storeName(`component${at}`, "1.0")}`;
    const references = at === 0 ? [] : Array.from({ length: 5 }, () => random.pick(paths));
    paths.push(id);
    return { id, path: id, references, narSize: Math.floor(100 * Math.exp(16 * random.next())) };
  });
  const graph = makeGraph(components, { kind: "nix", origin: "the benchmark's graph" });
  const start = performance.now();
  const groups = leader.plan({ graph, available: 127 });
  const seconds = (performance.now() - start) / 1000;
  if (groups.length !== 127 || groups.flat().length !== 10_000) throw new Error("leader made a wrong plan");
  return seconds;
}
