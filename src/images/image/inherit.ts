/** What an image takes over from its base's config. */
import type { ContainerConfig } from "#oci";

/**
 * `env` takes the environment, as dockerTools does; `all` takes what `FROM` in a Dockerfile takes; `none` takes
 * nothing.
 */
export type Inherit = "env" | "all" | "none";

/** The fields that are maps, and are merged by key. */
const MAPS = ["Labels", "ExposedPorts", "Volumes"] as const;

/** The config of an image on a base. The arguments stay as they are. */
export function inheritConfig(
  base: ContainerConfig,
  own: ContainerConfig,
  inherit: Inherit,
): ContainerConfig {
  if (inherit === "none") return own;
  const env = mergeEnv(base.Env ?? [], own.Env ?? []);
  const withEnv = env.length > 0 ? { Env: env } : {};
  if (inherit === "env") return { ...own, ...withEnv };

  const merged: Record<string, unknown> = { ...withoutNulls(base), ...withoutNulls(own), ...withEnv };
  for (const name of MAPS) {
    const map = { ...base[name], ...own[name] };
    if (Object.keys(map).length > 0) merged[name] = map;
  }
  // The base's arguments were meant for the base's entry point.
  if (own.Entrypoint && !own.Cmd) delete merged["Cmd"];
  return merged;
}

/** The base's environment under the image's own: a variable keeps its first place and its last value. */
export function mergeEnv(base: readonly string[], own: readonly string[]): string[] {
  const variables = new Map<string, string>();
  for (const entry of [...base, ...own]) variables.set(entry.split("=", 1)[0]!, entry);
  return [...variables.values()];
}

function withoutNulls(config: ContainerConfig): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}
