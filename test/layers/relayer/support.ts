/** Images that are split anew, for tests. */
import { tmpdir } from "node:os";
import { compareRoots } from "#compare";
import type { Image, ImageDraft, Layer } from "#image";
import { steady } from "#layering";
import { type RelayerOptions, relayered } from "#relayer";
import { readLayerTar, streamInput } from "#tar";
import { type MadeEntry, madeImage } from "#testing";

export type Entries = Readonly<Record<string, string | MadeEntry>>;

export async function imageOf(layers: readonly Entries[]) {
  return await madeImage(layers.map((entries, index) => ({ entries, ...(index % 2 ? {} : { gzip: 1 }) })));
}

/** An image with all that its layers are known by, and their bytes in memory. */
export interface Kept extends Pick<Image, "config" | "layers"> {
  readonly annotations: Readonly<Record<string, string>>;
  readonly groups: readonly (readonly string[])[];
}

export async function relayer(image: Image, options: Partial<RelayerOptions> = {}): Promise<Kept> {
  await using draft = await relayered(image, { strategy: steady, temporary: tmpdir(), ...options });
  const layers: Layer[] = [];
  for await (const layer of (draft as ImageDraft).layers()) {
    const chunks: Buffer[] = [];
    for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
    const bytes = Buffer.concat(chunks);
    layers.push({
      ...layer,
      async *open() {
        yield bytes;
      },
    });
  }
  const { config, annotations = {} } = draft.finish(layers);
  return { config, layers, annotations, groups: draft.groups };
}

/** The names in a layer, in its order. */
export async function namesIn(layer: Layer): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readLayerTar(streamInput(layer.open()), "a layer")) {
    names.push(entry.type === "5" ? `${entry.name}/` : entry.name);
  }
  return names;
}

/** How the roots of two images differ, a line for each path. */
export async function differences(a: Pick<Image, "layers">, b: Pick<Image, "layers">): Promise<string[]> {
  const { differences } = await compareRoots(a.layers, b.layers);
  return differences.map(({ path, change, aspects }) => [path, change, ...aspects].join(" "));
}
