/** What a component is to the one who builds an image. */
import type { ReferencesGraph } from "./references-graph.ts";

/**
 * - `app`: the project that was asked for, its own files.
 * - `workspace`: another package of its workspace or a folder of its repository, and, for a package of a workspace, what
 *   of the root's folder it needs; also the links in their `node_modules`, where these are components of their own.
 * - `dependency`: what a package manager has installed; of a graph that isn't a Node project's, everything.
 */
export type ComponentKind = "app" | "workspace" | "dependency";

/** Which of these a component of a graph is. */
export function kindOf(
  { kind, app = "." }: Pick<ReferencesGraph, "kind" | "app">,
  id: string,
): ComponentKind {
  if (kind !== "npm") return "dependency";
  if (id === app) return "app";
  return isInstalled(id) ? "dependency" : "workspace";
}

/** Whether a package manager has put a package where it is, so that its version says what is in it. */
export function isInstalled(id: string): boolean {
  return /(?:^|\/)(?:node_modules|\.yarn\/(?:cache|unplugged))\/|^(?:apk|dpkg|python|rpm):/.test(id);
}

/** Whether a component is what lies in a `node_modules` besides packages: links to these, and to their commands. */
export function isModules(id: string): boolean {
  return id === "node_modules" || id.endsWith("/node_modules");
}
