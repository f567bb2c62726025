/** Writes OCI image layouts into folders: OCI image specification, image-layout.md. */

import { type Descriptor, encodeDocument, MediaType } from "#oci";
import { type ImageSink, storeBytes, storeWriter } from "#write";
import { emptyIndex, entriesFor, platformOf, withEntries } from "./index-entries.ts";
import { readIndex } from "./read.ts";
import { LayoutStore } from "./store.ts";

/** How many layers are written at the same time: enough to keep all cores busy while some wait for the disk. */
const PARALLEL_LAYERS = 3;

/** Where a layout is, and the image's name in it. */
export interface OciLayoutSinkOptions {
  /** A layout, or a folder that is empty or doesn't exist yet. */
  readonly path: string;
  /** The image's name in the index; by default the tags of the names it comes with. */
  readonly tag?: string | undefined;
}

/**
 * Writes into a layout folder. Several processes may do so at the same time: none of their entries is lost, a name's
 * last writer wins. When one is killed, what is in the layout is whole; its unfinished files go with the next
 * writing.
 */
export function ociLayoutSink({ path, tag }: OciLayoutSinkOptions): ImageSink {
  return {
    name: `oci:${path}${tag === undefined ? "" : `:${tag}`}`,
    parallel: PARALLEL_LAYERS,
    async open(options) {
      const { signal } = options;
      const store = await LayoutStore.open(path);
      return storeWriter(store, options, {
        naming: "rename",
        prepare: ({ manifest }) => storeBytes(store, manifest, signal),
        async commit({ config, manifest, names, untagged }) {
          if (untagged) return;
          const platform = platformOf(config.value);
          await addEntries(store, {
            entries: entriesFor(manifest.descriptor, { tag, names, platform }),
            signal,
          });
        },
        dispose: () => store[Symbol.asyncDispose](),
      });
    },
    async writeIndex(index, { names = [], signal }) {
      const { value, descriptor } = index;
      await using store = await LayoutStore.open(path);
      await storeBytes(store, index, signal);
      await addEntries(store, { entries: entriesFor(descriptor, { tag, names }), signal });
      const { annotations } = value;
      return { ...descriptor, ...(annotations === undefined ? {} : { annotations }) };
    },
  };
}

async function addEntries(
  store: LayoutStore,
  { entries, signal }: { entries: readonly Descriptor[]; signal: AbortSignal | undefined },
): Promise<void> {
  await store.updateIndex(async (layout, isThere) => {
    const index = isThere ? (await readIndex(layout)).value : emptyIndex();
    return encodeDocument(withEntries(index, entries), MediaType.ociIndex).bytes;
  }, signal);
}
