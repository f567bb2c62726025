/** References graphs in the forms of Nix, and npm's projects with their lock files. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type ReferencesGraph, readGraph } from "#graph";
import {
  auto,
  largest,
  leader,
  planLayers,
  popularity,
  type Strategy,
  steady,
  steadyForSeries,
} from "#layering";
import { writeProject } from "../support/npm-project.ts";
import { nearly } from "./random-json.ts";
import { outcomeOf, type Target } from "./target.ts";

const STORE = "/nix/store";
const name = (at: number) => `${"abcdefgh"[at % 8]!.repeat(32)}-${at}`;
const path = (at: number) => `${STORE}/${name(at)}`;

const listed = [0, 1, 2, 3].map((at) => ({
  path: path(at),
  references: [path(at), ...(at > 0 ? [path(at - 1)] : [path(3)])],
  narSize: 100 * at,
  narHash: `sha256:${at}`,
}));

const byPath = Object.fromEntries(listed.map(({ path, ...info }) => [path, info]));
const byName = Object.fromEntries(
  [0, 1, 2].map((at) => [
    name(at),
    { references: at > 0 ? [name(at - 1)] : [], narSize: 1, storeDir: STORE },
  ]),
);
const text = listed
  .map(({ path, references }) => [path, "", references.length, ...references].join("\n"))
  .join("\n");
const registration = [
  path(0),
  "0".repeat(64),
  "120",
  "",
  "0",
  path(1),
  "0".repeat(64),
  "5",
  "",
  "1",
  path(0),
].join("\n");

const documents = [
  listed,
  { graph: listed, others: ["x"] },
  byPath,
  { ...byPath, [path(9)]: null },
  { version: 2, storeDir: STORE, info: byName },
  text,
  registration,
];

const packages = {
  "": {
    name: "project",
    version: "0.1.0",
    dependencies: { base: "1", dep: "2" },
    devDependencies: { dep: "1" },
  },
  "node_modules/base": { version: "1.0.0", resolved: "https://a/b.tgz", integrity: "sha512-x" },
  "node_modules/dep": {
    version: "2.0.0",
    dependencies: { base: "^1" },
    optionalDependencies: { no: "1" },
    dev: true,
  },
  "node_modules/gone": { version: "1.0.0", optional: true },
  "node_modules/link": { resolved: "packages/a", link: true },
  "packages/a": { name: "a", version: "0.0.0", peerDependencies: { base: "*" }, optional: true },
};
const lock = { name: "project", lockfileVersion: 3, requires: true, packages };
const manifest = { name: "project", version: "0.1.0", dependencies: { base: "1", dep: "2" } };

const STRATEGIES: readonly Strategy[] = [steady, steadyForSeries, leader, auto, popularity, largest];

/** What is true of every graph that was read, and of every plan for it. */
function checkGraph(graph: ReferencesGraph): void {
  const ids = [...graph.components.keys()];
  for (const [id, component] of graph.components) {
    assert.equal(component.id, id);
    assert.ok(component.path.startsWith("/"), component.path);
    assert.equal(new Set(component.references).size, component.references.length);
    assert.ok(component.references.every((reference) => reference !== id && graph.components.has(reference)));
    for (const nested of component.nested ?? []) {
      assert.ok(nested !== "" && !nested.startsWith("/") && !nested.split("/").includes(".."), nested);
    }
  }
  for (const strategy of STRATEGIES) {
    const { groups } = planLayers(graph, strategy, { available: 2 });
    assert.ok(groups.length <= 2 && groups.every((group) => group.length > 0));
    assert.deepEqual(groups.flat().sort(), ids.sort(), `${strategy.name} puts each component into one layer`);
  }
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-graph-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asGraph = (bytes: Buffer) =>
  inFolder(async (folder) => {
    const file = join(folder, "graph");
    writeFileSync(file, bytes);
    for (const key of [undefined, "graph"]) {
      const graph = await outcomeOf(() => readGraph(file, key === undefined ? {} : { key }));
      if ("value" in graph) checkGraph(graph.value);
    }
  });

const asProject = ({ files, omitDev }: { files: Record<string, Buffer>; omitDev: boolean }) =>
  inFolder(async (folder) => {
    const project = join(folder, "project");
    writeProject(project);
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(project, file), bytes);
    const graph = await outcomeOf(() => readGraph(project, { omitDev }));
    if ("value" in graph) checkGraph(graph.value);
  });

const projects = fc.record({
  omitDev: fc.boolean(),
  files: fc.record(
    {
      "node_modules/.package-lock.json": nearly([lock]),
      "package.json": nearly([manifest]),
    },
    { requiredKeys: ["node_modules/.package-lock.json"] },
  ) as fc.Arbitrary<Record<string, Buffer>>,
});

export const graphs: Target = {
  name: "graphs",
  runs: 25,
  property: () =>
    fc.asyncProperty(nearly(documents), projects, async (bytes, project) => {
      await asGraph(bytes);
      await asProject(project);
    }),
};
