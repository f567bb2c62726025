export { type NpmGraphOptions, readNpmGraph } from "./npm/npm.ts";
export { type ReadGraphOptions, readGraph } from "./read.ts";
export {
  type Component,
  type GraphKind,
  makeGraph,
  type ReferencesGraph,
  withoutComponents,
} from "./references-graph.ts";
export { type NumberedGraph, numberGraph, stronglyConnectedComponents } from "./scc.ts";
