/** Finds which component a path in an image belongs to, and divides a component's name into name, version and hash. */
import { type Image, listedComponents } from "#image";

/** A component as it is found in a layer. */
export interface Identity {
  /** Where it is in the image: an absolute path. */
  readonly root: string;
  /** What the image calls it; its path, where it says nothing. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** Equal for components that may replace each other: other versions, other builds, other places. Absent if nothing is known. */
  readonly family?: string;
  /** As its name has it. */
  readonly version?: string;
  readonly kind: "nix" | "npm" | "other";
}

/** Finds the component that holds a path; undefined for a path that none holds. */
export type Attribution = (path: string) => Identity | undefined;

/** Where varve puts an npm project, unless its config has a `WorkingDir`. */
const DEFAULT_PROJECT_FOLDER = "/app";

/** No system opens longer paths; they belong to no component. */
const MAX_PATH_LENGTH = 4096;

/**
 * How paths of a layer are attributed: to the components that the image lists for it or, where it lists none, to what
 * looks like a store path or an installed npm package.
 */
export function attribution(image: Image, components: readonly string[]): Attribution {
  // An image that is being made knows more than it will say once it is somewhere; both have to be told alike.
  const listed = listedComponents(components);
  const find = listed.length === 0 ? inferred : recorded(image, listed);
  return (path) => (path.length > MAX_PATH_LENGTH ? undefined : find(path));
}

function recorded(image: Image, components: readonly string[]): Attribution {
  const workingDir = image.config.value.config?.WorkingDir ?? "";
  // Both are tried, since it isn't recorded which one it is: a base's WorkingDir doesn't move the project.
  const folders = new Set([
    DEFAULT_PROJECT_FOLDER,
    ...(workingDir === "" ? [] : [withoutSlashes(workingDir)]),
  ]);
  const roots = new Map<string, Identity>();
  for (const id of components) {
    const found = id.startsWith("/") ? [storePath(id)] : [...folders].map((folder) => npmPackage(id, folder));
    for (const identity of found) roots.set(identity.root, identity);
  }
  return (path) => {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const found = roots.get(path.slice(0, end));
      if (found !== undefined) return found;
    }
    return roots.get("");
  };
}

/** A path without the slashes at its end. */
export function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}

const STORE_PATH = /^\/(?:[^/]+\/)*?store\/[0-9a-z]{32}-[^/]+/;
const NPM_PACKAGE = /^(.*)\/node_modules\/(?:@[^/]+\/)?[^/.@][^/]*(?=\/)/;

function inferred(path: string): Identity | undefined {
  const store = STORE_PATH.exec(path)?.[0];
  if (store !== undefined) return storePath(store);
  const root = NPM_PACKAGE.exec(`${path}/`)?.[0];
  if (root === undefined) return undefined;
  const at = root.indexOf("/node_modules/");
  return { ...npmPackage(root.slice(at + 1), root.slice(0, at)), id: root };
}

function npmPackage(id: string, folder: string): Identity {
  return {
    root: id === "." ? folder : `${folder}/${id}`,
    id,
    name: id === "." ? "the project" : id.replace(/^node_modules\//, ""),
    family: `npm:${id}`,
    kind: "npm",
  };
}

/** Matches a store path: its folder and, after its hash, its name. */
const HASHED = /^(.*)\/[0-9a-z]{32}-([^/]+)$/s;

/** A store path's parts; the name ends where Nix's `parseDrvName` ends it: at a dash that no letter follows. */
function storePath(path: string): Identity {
  const [, folder, full] = (path.length > MAX_PATH_LENGTH ? undefined : HASHED.exec(path)) ?? [];
  if (folder === undefined || full === undefined) {
    return { root: path, id: path, name: path.slice(path.lastIndexOf("/") + 1), kind: "other" };
  }
  const parts = full.split("-");
  const at = parts.findIndex((part, index) => index > 0 && !/^[a-zA-Z]/.test(part));
  // What follows a version and has no digit is an output, such as dev: another component with its own versions.
  const output = at === -1 ? parts.length : parts.findLastIndex((part) => /\d/.test(part)) + 1;
  const end = at === -1 ? parts.length : Math.max(at, output);
  const version = at === -1 ? "" : parts.slice(at, end).join("-");
  const name = [...parts.slice(0, at === -1 ? parts.length : at), ...parts.slice(end)].join("-");
  return {
    root: path,
    id: path,
    name,
    family: `nix:${folder}/${name}`,
    ...(version === "" ? {} : { version }),
    kind: "nix",
  };
}
