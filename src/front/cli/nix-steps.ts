/** The builders of the derivations that `nix/` makes: each reads structured attributes and writes its output. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  confDraft,
  confText,
  imageTag,
  parseConfText,
  planStoreLayers,
  readConf,
  readNixAttributes,
  withStorePaths,
  writeLayerFolder,
} from "#dockertools";
import { draftImage } from "#draft";
import { flattenedTree } from "#flatten";
import { dockerArchiveSink, fileOutput } from "#formats";
import { readGraph, withoutComponents } from "#graph";
import type { Image, Layer } from "#image";
import { checkSpec } from "#spec";
import { bytesSource, sortNames, writeFileAtomically } from "#util";
import { writeImage } from "#write";
import { architecture } from "./host.ts";
import { note, say } from "./output.ts";
import { withPlaces } from "./places.ts";
import { workshop } from "./workshop.ts";

interface Step {
  readonly description: string;
  /** @param attributes the file with the structured attributes */
  run(attributes: string): Promise<void>;
}

/** More than any image has, for a layer whose image is another's concern. */
const ANY_LAYERS = 1_000_000;

export const NIX_STEPS: Readonly<Record<string, Step>> = {
  layer: {
    description: "Makes the customisation layer of a spec: a folder with layer.tar and checksum.",
    run: makeLayer,
  },
  conf: {
    description: "Plans the layers of an image and writes its conf, for varve stream.",
    run: makeConf,
  },
  archive: {
    description: "Writes the archive of a conf's image, compressed as its name says.",
    run: makeArchive,
  },
  image: {
    description: "Writes the archive of an image with one layer on its base.",
    run: makeImage,
  },
};

async function makeLayer(file: string): Promise<void> {
  const { spec: fields, path, graphFile, outputs } = await readNixAttributes("layer", file);
  // Nix sets a path that leads nowhere, lest builders find what they didn't ask for.
  if (path.length > 0) process.env["PATH"] = path.join(":");
  const spec = checkSpec(
    {
      name: "layer",
      ...fields,
      ...(graphFile === undefined ? {} : { graph: graphFile }),
      includeStorePaths: false,
      maxLayers: ANY_LAYERS,
    },
    file,
  );
  await withPlaces({}, async ({ transports, read, signal }) => {
    await using source = spec.fromImage === undefined ? undefined : await transports.source(spec.fromImage);
    const base = await source?.read(read);
    await using draft = await draftImage(spec, {
      base,
      architecture: architecture(),
      now: new Date(),
      workshop: workshop({ signal }),
      onNote: note,
    });
    let layer: Layer | undefined;
    for await (const one of draft.layers(signal)) layer = one;
    await writeLayerFolder(outputs.out, layer!.open(signal));
  });
}

async function makeConf(file: string): Promise<void> {
  const attributes = await readNixAttributes("conf", file);
  const storeLayers = await planStoreLayers(attributes, await countLayers(attributes.fromImage));
  const text = await confText(attributes.baseJson, {
    ...attributes,
    imageTag: imageTag(attributes),
    storeLayers,
  });
  await writeFileAtomically(attributes.outputs.out, bytesSource(Buffer.from(text)).open());
}

async function countLayers(fromImage: string | null): Promise<number> {
  if (fromImage === null) return 0;
  return await withPlaces({}, async ({ transports, read }) => {
    await using source = await transports.source(fromImage);
    return (await source.read(read)).layers.length;
  });
}

async function makeArchive(file: string): Promise<void> {
  const { conf: path, outputs } = await readNixAttributes("archive", file);
  const conf = await readConf(path, { now: new Date() });
  await withPlaces({}, async ({ transports, read, signal }) => {
    await using source = conf.fromImage === undefined ? undefined : await transports.source(conf.fromImage);
    const draft = await confDraft(conf, { base: await source?.read(read) });
    // Not the stream, which tells who owns the customisation layer's file: in Nix's sandbox that is nobody.
    const sink = dockerArchiveSink({ output: fileOutput(outputs.out), names: [conf.repoTag] });
    await writeImage(draft, [sink], { signal });
  });
}

async function makeImage(file: string): Promise<void> {
  const attributes = await readNixAttributes("image", file);
  const { baseJson, customisationLayer, fromImage, outputs } = attributes;
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  const text = await confText(baseJson, {
    ...attributes,
    ...owner,
    imageTag: imageTag(attributes),
    storeLayers: [],
  });
  const conf = parseConfText(text, { now: new Date(), what: file });
  const folder = await mkdtemp(join(tmpdir(), "varve-nix-"));
  try {
    await withPlaces({}, async ({ transports, read, signal }) => {
      await using source = fromImage === null ? undefined : await transports.source(fromImage);
      const base = await source?.read(read);
      const paths = await newPaths(attributes, base);
      let layer = customisationLayer;
      if (paths.length > 0) {
        say(`Adding ${paths.map((path) => basename(path)).join(", ")}`);
        layer = join(folder, "layer");
        await writeLayerFolder(layer, withStorePaths(customisationLayer, paths, conf));
      }
      const made = { ...conf, customisationLayer: layer };
      const draft = await confDraft(made, { base, lastPaths: [...paths, customisationLayer] });
      const sink = dockerArchiveSink({ output: fileOutput(outputs.out), names: [conf.repoTag] });
      await writeImage(draft, [sink], { signal });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface GraphAttributes {
  readonly graphFile: string | undefined;
  readonly exclude: readonly string[];
}

/** The graph's store paths that the base lacks, in the order of their names. */
async function newPaths(
  { graphFile, exclude }: GraphAttributes,
  base: Image | undefined,
): Promise<readonly string[]> {
  if (graphFile === undefined) return [];
  const graph = withoutComponents(await readGraph(graphFile, { key: "graph" }), exclude);
  const tree = base === undefined ? undefined : await flattenedTree(base.layers);
  const paths = [...graph.components.values()].map(({ path }) => path);
  return sortNames(paths.filter((path) => tree?.get(path) === undefined));
}
