import { subcomponent } from "./subcomponent.ts";

/** `["subcomponent_out", PATHS]`: a graph becomes a dict of `main`, the paths and all that they need, and `rest`. */
export const subcomponentOut = subcomponent("subcomponent_out", (graph, paths) => graph.closure(paths));
