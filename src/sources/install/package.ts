/** What matters of a package when it is used on another platform. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Component, fitsPlatform, isPicky, Manifests, type NodePlatform } from "#graph";

/** A package in a references graph, with what its manifest says. */
export interface Package {
  readonly component: Component;
  /** Its own folder. In a virtual store that is in the component's, beside links to what it needs. */
  readonly folder: string;
  /** Whether it is made for some platforms only. */
  readonly isPicky: boolean;
  /** Whether it is made for one C library only. */
  readonly asksLibc: boolean;
  fits(platform: NodePlatform): boolean;
  /** What is run when it is installed; empty for nothing. */
  readonly script: string;
  /** Whether it has a description of how it is compiled. */
  readonly hasGyp: boolean;
  /** The names of what it can do without. */
  readonly optional: ReadonlySet<string>;
}

const IN_STORE =
  /(?:^|\/)node_modules\/\.[^/]+\/(?:@[^/]+\/[^/@]+@[^/]+|[^/]+)$|(?:^|\/)\.yarn\/unplugged\/[^/]+$/;

/**
 * Reads what a package says of itself.
 * @param manifests what was read before
 * @throws VarveError `UNREADABLE`, `INVALID_JSON`
 */
export async function readPackage(component: Component, manifests = new Manifests()): Promise<Package> {
  const { id, path, name = "" } = component;
  const folder = IN_STORE.test(id) ? join(path, "node_modules", name) : path;
  // Of what lies in yarn's archives nothing is known; it has no scripts, or yarn would have unpacked it.
  const manifest = id.endsWith(".zip") ? {} : ((await manifests.of(folder)) ?? {});
  const picks = {
    os: listOf(manifest["os"]),
    cpu: listOf(manifest["cpu"]),
    libc: listOf(manifest["libc"]),
  };
  const scripts = objectOf(manifest["scripts"]);
  const script = ["preinstall", "install", "postinstall"]
    .map((when) => scripts[when])
    .filter((text) => typeof text === "string" && text !== "")
    .join(" && ");
  return {
    component,
    folder,
    isPicky: isPicky(picks),
    asksLibc: picks.libc !== undefined,
    fits: (platform) => fitsPlatform(picks, libcOrAny(picks, platform)),
    script,
    hasGyp: existsSync(join(folder, "binding.gyp")),
    optional: new Set(Object.keys(objectOf(manifest["optionalDependencies"]))),
  };
}

/** A base that doesn't say which C library it has isn't why a package for one is left out. */
function libcOrAny({ libc }: { libc?: readonly string[] | undefined }, platform: NodePlatform): NodePlatform {
  return platform.libc === undefined && libc?.[0] !== undefined ? { ...platform, libc: libc[0] } : platform;
}

function listOf(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
