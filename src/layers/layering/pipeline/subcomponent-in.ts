import { subcomponent } from "./subcomponent.ts";

/** `["subcomponent_in", PATHS]`: a graph becomes a dict of `main`, the paths and all that needs them, and `rest`. */
export const subcomponentIn = subcomponent("subcomponent_in", (graph, paths) => graph.dependents(paths));
