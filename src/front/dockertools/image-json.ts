/** The image config as nixpkgs' stream script makes it. */
import { mergeEnv } from "#image";
import type { WrittenLayer } from "./base.ts";
import type { StreamConf } from "./conf.ts";
import { type PyObject, pyObject, pythonRepr } from "./python/index.ts";

export interface ImageJsonInputs {
  /** The base image's environment; undefined without a base. */
  readonly baseEnv: readonly string[] | undefined;
  /** From the bottom up. */
  readonly layers: readonly Pick<WrittenLayer, "diffId" | "paths">[];
}

/** The config of the image that has these layers. */
export function imageJson(conf: StreamConf, { baseEnv, layers }: ImageJsonInputs): PyObject {
  return pyObject({
    created: conf.created,
    architecture: conf.architecture,
    os: "linux",
    config: baseEnv === undefined ? conf.config : withBaseEnv(conf.config, baseEnv),
    rootfs: pyObject({ diff_ids: layers.map((layer) => layer.diffId), type: "layers" }),
    history: layers.map((layer) =>
      pyObject({ created: conf.created, comment: `store paths: ${pythonRepr(layer.paths)}` }),
    ),
  });
}

/** The config with the base's environment under its own: a variable keeps its first place and its last value. */
function withBaseEnv(config: PyObject | null, baseEnv: readonly string[]): PyObject {
  const merged: PyObject = new Map(config ?? []);
  const own = (merged.get("Env") ?? []) as string[];
  const env = mergeEnv(baseEnv, own);
  if (env.length > 0) merged.set("Env", env);
  return merged;
}
