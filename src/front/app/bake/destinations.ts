/** Where the images of a run go. */
import { VarveError } from "#errors";
import type { Target } from "../places.ts";
import type { BakeOptions } from "./bake.ts";
import type { OpenedTarget } from "./run.ts";

/** What of an image's own a pattern may have. */
const FIELD = /\{([^{}]*)\}/g;

/**
 * The places of each target's image, by the target's name.
 * @throws VarveError `USAGE` for a pattern with another field, for one place that two images would have, and where there is none
 */
export async function placesOf(
  opened: readonly OpenedTarget[],
  { to = [], push = false, alsoTo }: Pick<BakeOptions, "to" | "push" | "alsoTo">,
): Promise<Map<string, readonly Target[]>> {
  const places = new Map<string, readonly Target[]>();
  const taken = new Map<string, string>();
  for (const { target, source } of opened) {
    if (source === undefined) continue;
    const own = { name: source.spec.name, tag: source.spec.tag ?? "latest", target: target.name };
    const named = [...to.map((pattern) => filled(pattern, own)), ...(push ? tagsOf(target) : [])];
    for (const place of new Set(named)) {
      const other = taken.get(place);
      if (other !== undefined) throw atOnePlace(place, [other, target.name]);
      taken.set(place, target.name);
    }
    const all = [...new Set(named), ...((await alsoTo?.(target)) ?? [])];
    if (all.length === 0) throw nowhere();
    places.set(target.name, all);
  }
  return places;
}

function filled(pattern: string, own: Readonly<Record<string, string>>): string {
  return pattern.replace(FIELD, (text, name: string) => {
    if (Object.hasOwn(own, name)) return own[name]!;
    throw new VarveError(
      "USAGE",
      `${pattern} has ${text}, and there are {name}, {tag} and {target}; write one of these`,
    );
  });
}

function tagsOf({ name, tags = [] }: OpenedTarget["target"]): string[] {
  if (tags.length > 0) return tags.map((tag) => (tag.startsWith("docker://") ? tag : `docker://${tag}`));
  throw new VarveError(
    "USAGE",
    `the target ${name} has no tags to be pushed to; give it some, or say where images go: --to docker://REGISTRY/{name}:{tag}`,
  );
}

function atOnePlace(place: string, [one, other]: readonly [string, string]): VarveError {
  return new VarveError(
    "USAGE",
    `${one} and ${other} would both be at ${place}; let {name} or {target} tell them apart`,
  );
}

function nowhere(): VarveError {
  return new VarveError(
    "USAGE",
    "say where the images are to go: --push to their tags, --load into Docker, or --to a place such as docker://REGISTRY/{name}:{tag} or oci:FOLDER:{target}; --print shows what would be built",
  );
}
