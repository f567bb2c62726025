/** The builders of the derivations that `nix/` makes: each reads structured attributes and writes its output. */
import { mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { inputs, type Operation, openImages, openSpecImages, type SpecOptions, writeDraft } from "#app";
import { draftImage } from "#draft";
import { flattenedTree, flattenImage } from "#flatten";
import { dockerArchiveSink, fileOutput, ociArchiveSink } from "#formats";
import type { Image, ImageDraft, Layer } from "#image";
import { checkSpec } from "#spec";
import { bytesSource, writeFileAtomically } from "#util";
import { stackBuiltLayers, writeBuiltLayers } from "./built-layers.ts";
import { parseConfText, readConf, type StreamConf } from "./conf.ts";
import { openConfBase } from "./conf-image.ts";
import { isoTime } from "./date.ts";
import { confDraft } from "./draft.ts";
import { asGnuTar, STDENV_TIME } from "./gnu-layer.ts";
import { withStorePaths, writeLayerFolder } from "./layer-folder.ts";
import { confText, type GraphAttributes, imageTag, planStoreLayers, storePathsOf } from "./make-conf.ts";
import { readNixAttributes } from "./nix-attributes.ts";
import { parsePythonDatetime, timestampSeconds } from "./python/index.ts";

/** What a step needs. */
export interface NixStepContext extends Operation {
  /** Receives a sentence for the derivation's log. */
  readonly onNote: (sentence: string) => void;
  /** Receives a line about what is being done. */
  readonly onStep: (line: string) => void;
  readonly onOutput: SpecOptions["onOutput"];
}

/** A builder. */
export interface NixStep {
  readonly description: string;
  /** @param attributes the file with the structured attributes */
  run(attributes: string, context: NixStepContext): Promise<void>;
}

/** More layers than any image has; for a layer whose image is made elsewhere. */
const ANY_LAYERS = 1_000_000;

/** What dockerTools calls them. */
const COMPRESSIONS = { none: "none", gz: "gzip", zstd: "zstd" } as const;

export const NIX_STEPS: Readonly<Record<string, NixStep>> = {
  layer: {
    description: "Makes the customisation layer of a spec: a folder with layer.tar and checksum.",
    run: makeLayer,
  },
  layers: {
    description:
      "Makes layers of store paths for any image: a folder that says what they are, with their blobs.",
    run: makeLayers,
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
  export: {
    description: "Writes an image's root file system as one archive, compressed as its name says.",
    run: makeExport,
  },
};

async function makeLayer(file: string, context: NixStepContext): Promise<void> {
  const { spec: fields, path, graphFile, outputs, what, gnuTar } = await readNixAttributes("layer", file);
  const spec = checkSpec(
    {
      name: "layer",
      ...fields,
      ...(typeof fields["mtime"] === "string" && { mtime: isoTime(fields["mtime"], "mtime") }),
      ...(graphFile === undefined ? {} : { graph: graphFile }),
      includeStorePaths: false,
      maxLayers: ANY_LAYERS,
    },
    { what, anyConfig: true },
  );
  await using images = await openSpecImages(spec, context);
  await using draft = await draftImage(spec, {
    ...inputs(context, context),
    ...images,
    // Nix sets a path that leads nowhere, so that builders don't find what they haven't asked for.
    ...(path.length > 0 && { path: path.join(":") }),
    // A store path must depend on its inputs only, so the digest cache isn't used.
    cache: undefined,
  });
  let layer: Layer | undefined;
  for await (const one of draft.layers(context.signal)) layer = one;
  const bytes = layer!.open(context.signal);
  if (!gnuTar) return await writeLayerFolder(outputs.out, bytes);
  const { temporary } = context.machine;
  await inFile(bytes, { temporary }, (path) =>
    writeLayerFolder(outputs.out, asGnuTar(path, { mtime: STDENV_TIME })),
  );
}

async function makeLayers(file: string, context: NixStepContext): Promise<void> {
  const attributes = await readNixAttributes("layers", file);
  const { outputs, uid, gid, uname, gname, storeDir, maxLayers, compressor } = attributes;
  const { held } = await stackBuiltLayers(attributes.layers);
  // One more, for the customisation layer that an image has besides.
  const planned = { ...attributes, exclude: [], pipeline: null, maxLayers: maxLayers + 1 };
  const groups = await planStoreLayers(planned, { layers: 0, held });
  const time = { field: "mtime", now: context.machine.now() };
  await writeBuiltLayers(outputs.out, groups, {
    owner: { uid, gid, uname, gname },
    mtime: timestampSeconds(parsePythonDatetime(isoTime(attributes.mtime, "mtime"), time)),
    storeDir,
    compression: COMPRESSIONS[compressor],
    signal: context.signal,
  });
}

async function makeExport(file: string, context: NixStepContext): Promise<void> {
  const { from, outputs } = await readNixAttributes("export", file);
  await using source = await context.machine.transports.source(from);
  const { layers } = await source.read(context.read);
  const { signal } = context;
  const { temporary } = context.machine;
  await inFile(flattenImage(layers, { signal }), { temporary }, (path) =>
    fileOutput(outputs.out).write(asGnuTar(path, { mtime: STDENV_TIME }), signal),
  );
}

/** Has bytes in a file for as long as something takes. */
async function inFile(
  bytes: AsyncIterable<Uint8Array>,
  { temporary }: { readonly temporary: string },
  use: (path: string) => Promise<unknown>,
): Promise<void> {
  const folder = await mkdtemp(join(temporary, "varve-nix-"));
  try {
    const path = join(folder, "archive.tar");
    await writeFileAtomically(path, bytes);
    await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeConf(file: string, context: NixStepContext): Promise<void> {
  const attributes = await readNixAttributes("conf", file);
  await using opened = await openImages(placesOf(attributes), context);
  const { layers: builtLayers = [] } = attributes;
  const { groups, held, repacked } = await stackBuiltLayers(builtLayers);
  for (const folder of repacked) {
    context.onNote(
      `${folder} has paths that a layer below it has, so what else it has is packed anew; give its buildLayer those below as layers`,
    );
  }
  const layers = (opened.images[0]?.layers.length ?? 0) + groups.length;
  const storeMounts = attributes.snapshotter ? await storePathsOf(attributes) : undefined;
  const planned = storeMounts === undefined ? await planStoreLayers(attributes, { layers, held }) : [];
  const text = await confText(attributes.baseJson, {
    ...attributes,
    imageTag: imageTag(attributes),
    storeLayers: [...groups, ...planned],
    builtLayers,
    storeMounts,
  });
  await writeFileAtomically(attributes.outputs.out, bytesSource(Buffer.from(text)).open());
}

async function makeArchive(file: string, context: NixStepContext): Promise<void> {
  const { conf: path, outputs } = await readNixAttributes("archive", file);
  const conf = await readConf(path, { now: context.machine.now(), signal: context.signal });
  await using opened = await openConfBase(conf, context);
  await writeArchive(await confDraft(conf, { base: opened.images[0] }), { conf, out: outputs.out, context });
}

async function makeImage(file: string, context: NixStepContext): Promise<void> {
  const attributes = await readNixAttributes("image", file);
  const { baseJson, customisationLayer, outputs } = attributes;
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  const text = await confText(baseJson, {
    ...attributes,
    ...owner,
    imageTag: imageTag(attributes),
    storeLayers: [],
  });
  const conf = parseConfText(text, { now: context.machine.now(), what: attributes.what });
  const folder = await mkdtemp(join(context.machine.temporary, "varve-nix-"));
  try {
    await using opened = await openImages(placesOf(attributes), context);
    const [base] = opened.images;
    const paths = await newPaths(attributes, base);
    let layer = customisationLayer;
    if (paths.length > 0) {
      context.onStep(`Adding ${paths.map((path) => basename(path)).join(", ")}`);
      layer = join(folder, "layer");
      await writeLayerFolder(layer, withStorePaths(customisationLayer, paths, conf));
    }
    const made = { ...conf, customisationLayer: layer };
    const draft = await confDraft(made, { base, lastPaths: [...paths, customisationLayer] });
    await writeArchive(draft, { conf, out: outputs.out, context });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a docker-archive, or for nix-snapshotter an OCI archive. Not as the stream does, which records the owner of the customisation layer's file: in Nix's sandbox that is nobody. */
async function writeArchive(
  draft: ImageDraft,
  { conf, out, context }: { conf: StreamConf; out: string; context: NixStepContext },
): Promise<void> {
  const output = fileOutput(out);
  const isDocker = conf.storeMounts === undefined;
  const sink = isDocker ? dockerArchiveSink({ output, names: [conf.repoTag] }) : ociArchiveSink({ output });
  await writeDraft(draft, [sink], { operation: context, options: {} });
}

function placesOf({ fromImage }: { readonly fromImage: string | null }): string[] {
  return fromImage === null ? [] : [fromImage];
}

/** The graph's store paths that the base lacks, in the order of their names. */
async function newPaths(attributes: GraphAttributes, base: Image | undefined): Promise<readonly string[]> {
  if (attributes.graphFile === undefined) return [];
  const tree = base === undefined ? undefined : await flattenedTree(base.layers);
  const paths = await storePathsOf(attributes);
  return paths.filter((path) => tree?.get(path) === undefined);
}
