/** A layering pipeline: a list of operations, as JSON, that cuts a graph up into layers. */
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import type { Strategy } from "../plan.ts";
import { popularityContest, removePaths, splitEvery, subcomponentIn, subcomponentOut } from "./graphs.ts";
import { flatten, graphsOf, limitLayers, reorder, reverse } from "./lists.ts";
import { map, over, pipe } from "./nested.ts";
import { type Context, invalid, type Operation, type OperationKind } from "./operation.ts";
import { splitPaths } from "./split-paths.ts";
import { SubGraph } from "./value.ts";

const KINDS: ReadonlyMap<string, OperationKind> = new Map(
  [
    flatten,
    limitLayers,
    map,
    over,
    pipe,
    popularityContest,
    removePaths,
    reorder,
    reverse,
    splitEvery,
    splitPaths,
    subcomponentIn,
    subcomponentOut,
  ].map((kind) => [kind.name, kind]),
);

/** How deeply operations may be nested: deeper than anybody writes, and not too deep for the stack. */
const MAX_DEPTH = 100;

/**
 * A strategy that does what a layering pipeline says, in the form that nixpkgs takes as `layeringPipeline`: a list of
 * lists, each with an operation's name and its arguments. The result's graphs are the layers, in their order; those
 * without components are left out. A component that an operation removed is in no layer.
 *
 * @param steps - the pipeline as parsed JSON.
 * @param what - names it in messages: "the layering pipeline" unless said.
 * @throws VarveError INVALID_PIPELINE for anything else; and when it is used, if an operation is given a value that it
 *   has no use for, or if there are more layers than available.
 */
export function pipelineStrategy(steps: unknown, what = "the layering pipeline"): Strategy {
  const operation = parseAll(steps, what, 0);
  return {
    name: "pipeline",
    keepsOrder: true,
    plansAll: true,
    plan({ graph, available }) {
      const groups = layersOf(operation, graph);
      if (groups.length <= available) return groups;
      throw new VarveError(
        "INVALID_PIPELINE",
        `${what} makes ${groups.length} layers of which ${available} are available; end it with ["flatten"] and ["limit_layers", ${available}]`,
      );
    },
  };
}

function layersOf(operation: Operation, graph: ReferencesGraph): string[][] {
  return graphsOf(operation(SubGraph.of(graph)))
    .map(({ ids }) => ids)
    .filter((ids) => ids.length > 0);
}

/** Reads a list of operations, to be done one after the other. */
function parseAll(steps: unknown, what: string, depth: number): Operation {
  if (!Array.isArray(steps)) throw invalid(`${what} must be a list of operations, each a list itself`);
  if (depth > MAX_DEPTH) throw invalid(`${what} is nested too deeply`);
  const operations = steps.map((step, at) => parseStep(step, `${what}, step ${at + 1}`, depth));
  return (value) => operations.reduce((result, operation) => operation(result), value);
}

function parseStep(step: unknown, place: string, depth: number): Operation {
  if (!Array.isArray(step) || typeof step[0] !== "string") {
    throw invalid(`${place}, must be a list that begins with the name of an operation, such as ["flatten"]`);
  }
  if (depth > MAX_DEPTH) throw invalid(`${place}, is nested too deeply`);
  const [name, ...args] = step as [string, ...unknown[]];
  const kind = KINDS.get(name);
  if (kind === undefined) {
    throw invalid(
      `${place}, names an operation ${JSON.stringify(name.slice(0, 80))}, but there are only ${[...KINDS.keys()].join(", ")}`,
    );
  }
  const where = `${place}, ${JSON.stringify(name)},`;
  const context: Context = {
    where,
    parse: (inner) => parseStep(inner, `${place}, ${JSON.stringify(name)}`, depth + 1),
    parseAll: (inner) => parseAll(inner, `${place}, ${JSON.stringify(name)}`, depth + 1),
  };
  const operation = args.length === kind.arity ? kind.parse(args, context) : undefined;
  if (operation === undefined) throw invalid(`${where} must be written ${kind.usage}`);
  return operation;
}
