/** `varve stream`: what nixpkgs' stream script does, byte for byte. */

import type { DigestCache } from "#cache";
import type { Image } from "#image";
import { measureLayers } from "#measure";
import { digestOf, hexOf } from "#oci";
import { fileEntry, fileMember, type TarInputMember, writeTar } from "#tar";

import { type SpoolLimit, shown } from "#util";

import { archiveBase, imageBase, type StreamBase, type WrittenLayer } from "./base.ts";
import { storeLayersOf } from "./built-layers.ts";
import type { StreamConf } from "./conf.ts";
import { openCustomisationLayer } from "./customisation-layer.ts";
import { imageJson } from "./image-json.ts";
import { dumpPythonJson, pyObject, pythonRepr } from "./python/index.ts";
import { checkIsWhole } from "./snapshotter.ts";

export interface StreamOptions extends SpoolLimit {
  /** The image at the conf's `from_image`, unless that is a docker-archive's path; its reader must stay open. */
  readonly base?: Image;
  /** The name and tag that take the place of the conf's. */
  readonly repoTag?: string;
  /** Knows layers that were measured before. */
  readonly cache?: DigestCache | undefined;
  /** Gets a line for each step, in the script's words. */
  readonly onStep?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The bytes of the image archive that a conf asks for; base layers first, then the store layers, the
 * customisation layer, the config and `manifest.json`.
 * @throws VarveError with any code that reading the base, the store or the customisation layer has
 */
export function streamConf(
  conf: StreamConf,
  options: StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  return writeTar(members(conf, options));
}

async function* members(
  conf: StreamConf,
  options: StreamOptions,
): AsyncGenerator<TarInputMember, void, void> {
  checkIsWhole(conf);
  const say = options.onStep ?? (() => {});
  const { recipes, told } = await storeLayersOf(conf);
  await using base = await openBase(conf, options);
  const layers: WrittenLayer[] = [];

  if (base === undefined) say("No 'fromImage' provided");
  else {
    for await (const { layer, member } of base.layers()) {
      yield member;
      layers.push(layer);
      say(`Adding base layer ${layers.length} from ${shown(layer.name)}`);
    }
  }

  let announced = 0;
  const announce = () => {
    const paths = conf.storeLayers[announced++];
    if (paths !== undefined) say(`Creating layer ${layers.length + 1} from paths: ${pythonRepr(paths)}`);
  };
  announce();
  const { cache, signal } = options;
  for await (const layer of measureLayers(recipes, { cache, told, signal })) {
    const name = `${hexOf(layer.diffId)}/layer.tar`;
    const entry = fileEntry(name, { size: layer.descriptor.size, mtime: conf.mtime });
    yield { entry, content: layer.open(options.signal) };
    layers.push({ diffId: layer.diffId, name, paths: layer.components });
    announce();
  }

  say(`Creating layer ${layers.length + 1} with customisation...`);
  const customisation = await openCustomisationLayer(conf.customisationLayer, { mtime: conf.mtime });
  yield customisation;
  layers.push({
    diffId: customisation.diffId,
    name: customisation.entry.name,
    paths: [conf.customisationLayer],
  });

  say("Adding manifests...");
  const config = Buffer.from(dumpPythonJson(imageJson(conf, { baseEnv: base?.env, layers })));
  const configName = `${hexOf(digestOf(config))}.json`;
  yield fileMember(configName, config, conf);
  const manifest = pyObject({
    Config: configName,
    RepoTags: [options.repoTag ?? conf.repoTag],
    Layers: layers.map((layer) => layer.name),
  });
  yield fileMember("manifest.json", Buffer.from(dumpPythonJson([manifest])), conf);
  say("Done.");
}

async function openBase(
  conf: StreamConf,
  { base: image, maxSpool }: StreamOptions,
): Promise<StreamBase | undefined> {
  if (image !== undefined) return imageBase(image, conf);
  return conf.fromImage === undefined ? undefined : await archiveBase(conf.fromImage, { maxSpool });
}
