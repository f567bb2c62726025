/** What differs between two images apart from their layers. */
import { isDeepStrictEqual } from "node:util";
import { type Image, layersBelowComponents } from "#image";
import type { ImageConfig, Manifest } from "#oci";
import type { ConfigChange } from "./types.ts";

/** Fields of the config that describe the layers, or contain fields that are compared separately. */
const NOT_COMPARED = new Set(["config", "rootfs", "history"]);

/** They say which components share a layer, and how layers are compressed, and that is compared separately. */
const COMPARED: ReadonlySet<string> = new Set(["dev.varve.layout", "dev.varve.compression"]);

const BASE_DIGEST = "org.opencontainers.image.base.digest";

/** The fields of the configs that differ, and the annotations where both images have a manifest. */
export function compareConfigs(
  source: Pick<Image, "config" | "manifest">,
  target: Pick<Image, "config" | "manifest">,
): ConfigChange[] {
  const [before, now] = [source.config.value, target.config.value];
  return [
    ...differences(before, now, NOT_COMPARED),
    ...differences(before.config ?? {}, now.config ?? {}),
    ...(source.manifest === undefined || target.manifest === undefined
      ? []
      : differences(
          { annotations: annotationsOf(source.manifest.value) },
          { annotations: annotationsOf(target.manifest.value) },
        )),
  ];
}

function annotationsOf({ annotations = {} }: Manifest): Readonly<Record<string, string>> | undefined {
  const compared = Object.entries(annotations).filter(([name]) => !COMPARED.has(name));
  return compared.length === 0 ? undefined : Object.fromEntries(compared);
}

function differences(before: object, now: object, without: ReadonlySet<string> = new Set()): ConfigChange[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...fields].flatMap((field): ConfigChange[] => {
    // Docker writes null for what isn't set.
    const from = (before as Record<string, unknown>)[field] ?? undefined;
    const to = (now as Record<string, unknown>)[field] ?? undefined;
    if (without.has(field) || isDeepStrictEqual(from, to)) return [];
    const keys = keysThatDiffer(field, from, to);
    return [
      {
        field,
        ...(keys === undefined ? {} : { keys }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      },
    ];
  });
}

/** The keys of maps, and the variables of environments, whose values differ. */
function keysThatDiffer(field: string, from: unknown, to: unknown): string[] | undefined {
  const [before, now] = [entriesOf(field, from), entriesOf(field, to)];
  if (before === undefined || now === undefined) return undefined;
  const names = new Set([...before.keys(), ...now.keys()]);
  const differing = [...names].filter((name) => !isDeepStrictEqual(before.get(name), now.get(name)));
  // If only the order of an environment differs, there are no such keys.
  return differing.length === 0 ? undefined : differing;
}

function entriesOf(field: string, value: unknown): Map<string, unknown> | undefined {
  if (value === undefined) return new Map();
  if (field === "Env" && Array.isArray(value)) {
    return new Map(value.map((entry) => [String(entry).split("=", 1)[0]!, entry]));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

/**
 * Whether two images have different bases. Their annotations decide; without them, if both images say which components their
 * upper layers have, the layers below decide. Undefined if neither helps.
 */
export function isBaseChanged(source: Image, target: Image): boolean | undefined {
  const [before, now] = [source, target].map((image) => image.manifest?.value.annotations?.[BASE_DIGEST]);
  if (before !== undefined && now !== undefined) return before !== now;
  const [below, belowNow] = [source, target].map(foreignLayers);
  if (below === undefined || belowNow === undefined || below.length + belowNow.length === 0) return undefined;
  return !isDeepStrictEqual(below, belowNow);
}

/** The diff IDs of the layers below the first that says what it holds. */
function foreignLayers(image: Image): ImageConfig["rootfs"]["diff_ids"] | undefined {
  const below = layersBelowComponents(image);
  return below === undefined ? undefined : image.config.value.rootfs.diff_ids.slice(0, below);
}
