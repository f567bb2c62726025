/** What a package says of itself. */
import type { JsonObject } from "../file.ts";

/** Whether other packages were published with it, in its own folder. */
export function bundles({ bundleDependencies, bundledDependencies }: JsonObject): boolean {
  const said = bundleDependencies ?? bundledDependencies;
  return said === true || (Array.isArray(said) && said.length > 0);
}

/** Whether a name stays in `node_modules` when it is appended to it. */
export function isName(name: string): boolean {
  return /^(?:@[^/\0\\]+\/)?[^/\0\\]+$/.test(name) && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name);
}
