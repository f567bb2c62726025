export { type FileEntry, joinFiles, readFiles, rootOf } from "./files/files.ts";
export { fitsPlatform, isPicky, type NodePlatform, thisPlatform } from "./installed/lock-facts.ts";
export { isOutside } from "./installed/outside.ts";
export { type ComponentKind, isInstalled, isModules, kindOf } from "./kind.ts";
export { changedPackages } from "./lock-diff.ts";
export { type ManifestStore, Manifests } from "./manifests.ts";
export { type NodeProjectOptions, readNodeProject } from "./node-project.ts";
export { type NpmGraphOptions, readNpmGraph } from "./npm/npm.ts";
export { findProject, installCommand, type NodeProject, type PackageManager } from "./project.ts";
export { type ReadGraphOptions, readGraph } from "./read.ts";
export {
  type Component,
  type ComponentPart,
  type GraphKind,
  makeGraph,
  partsOf,
  type ReferencesGraph,
  withoutComponents,
} from "./references-graph.ts";
export { type NumberedGraph, numberGraph, stronglyConnectedComponents } from "./scc.ts";
export { readManifest, workspaceFolders } from "./workspace.ts";
export { parseYaml } from "./yaml.ts";
