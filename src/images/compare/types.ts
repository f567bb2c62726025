/** What comparing two images finds. Layers are counted from 0, from the bottom up. */
import type { Digest } from "#oci";

/**
 * Why bytes differ.
 *
 * - `added`, `removed`: only one image has the component.
 * - `moved`: it comes from another layer. `left`: it is in another layer now.
 * - `version`: its name, or its package.json, says another version.
 * - `rebuilt`: a store path of the same name and version, with another hash.
 * - `place`: another path in the image.
 * - `content`: files differ, were added or removed. `links`: links lead elsewhere.
 * - `mode`, `owner`, `mtime`, `attributes` (other pax records): of entries that are otherwise the same.
 * - `order`: the same in another order. `encoding`: the same entries, written as other bytes.
 */
export type ChangeReason =
  | "added"
  | "removed"
  | "moved"
  | "left"
  | "version"
  | "rebuilt"
  | "place"
  | "content"
  | "links"
  | "mode"
  | "owner"
  | "mtime"
  | "attributes"
  | "order"
  | "encoding";

/** What may differ about the entries of a component. */
export type FileAspect =
  | "added"
  | "removed"
  | "content"
  | "links"
  | "mode"
  | "owner"
  | "mtime"
  | "attributes";

/** The entries that differ in one aspect. */
export interface FileChange {
  readonly count: number;
  /** The first of them, relative to the component; absolute for files of no component. */
  readonly names: readonly string[];
  /** The values before and now, if they are the same for all of them. */
  readonly from?: string;
  readonly to?: string;
}

/** How many files differ, by what differs of them. */
export type FileChanges = Readonly<Partial<Record<FileAspect, FileChange>>>;

/** How a component differs, or the files of a layer that belong to none. */
export interface ComponentChange {
  /** As the image names it: a store path, a package's key; its path where the image names none. Absent for files of no component. */
  readonly component?: string;
  /** Its short name: a store path without folder, hash and version; a package's name. */
  readonly name: string;
  /** The most informative first. */
  readonly reasons: readonly ChangeReason[];
  /** The version before and now, as far as known. */
  readonly fromVersion?: string;
  readonly version?: string;
  /** The component that it replaces, if that has another name. */
  readonly replaces?: string;
  /** The layer of the source that it comes from, for `moved`. */
  readonly fromLayer?: number;
  /** The layer of the target that it is in now, for `left`. */
  readonly toLayer?: number;
  /** Bytes of its files; for a removed one, the bytes that it had. */
  readonly size: number;
  /** Absent where no two states of its files were compared. */
  readonly files?: FileChanges;
}

/** A layer of the target, and what the source has of it. */
export interface LayerComparison {
  readonly index: number;
  readonly digest: Digest;
  readonly diffId: Digest;
  /** The blob's bytes. */
  readonly size: number;
  /**
   * - `same`: the source has it, at the same position or another.
   * - `recompressed`: the source has its content, in another blob.
   * - `changed`: `from` is what it was before. `new`: no layer of the source is like it.
   */
  readonly state: "same" | "recompressed" | "changed" | "new";
  /** The source's layer that it equals, or that it was made from. */
  readonly from?: number;
  /** Whether it has to be sent to someone who has the source. */
  readonly sent: boolean;
  /** Of all its changes together. */
  readonly reasons: readonly ChangeReason[];
  readonly changes: readonly ComponentChange[];
  /** What is in the layer and hasn't changed, but has to be sent with it; absent for layers that are the same. */
  readonly unchanged?: { readonly components: number; readonly size: number };
}

/** A layer of the source to which no layer of the target is similar. */
export interface GoneLayer {
  readonly index: number;
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly size: number;
  readonly changes: readonly ComponentChange[];
}

/** A field of the config that differs, or the annotations of the manifest. */
export interface ConfigChange {
  /** As in the config: `created`, `Env`, `Labels`, …; or `annotations`. */
  readonly field: string;
  /** The variables, labels or other keys that differ, for a field that has some. */
  readonly keys?: readonly string[];
  /** Absent where the field is. */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** Layers, and the bytes of their blobs. */
export interface LayerCost {
  readonly layers: number;
  readonly bytes: number;
}

/** What differs between two images. */
export interface ImageComparison {
  /** One for each layer of the target. */
  readonly layers: readonly LayerComparison[];
  readonly gone: readonly GoneLayer[];
  /** Whether the configs differ, even if only in their bytes. */
  readonly configDiffers: boolean;
  readonly config: readonly ConfigChange[];
  /** Whether the base images differ; undefined if it isn't known which layers are the base's. */
  readonly baseChanged?: boolean;
  readonly cost: {
    /** All layers of the target. */
    readonly total: LayerCost;
    /** What a registry that has the source has to be sent. */
    readonly sent: LayerCost;
    /** What has to be pulled by a client that has the source and knows layers by themselves: podman, containerd, and the Docker Engine with the containerd image store. */
    readonly pulled: LayerCost;
    /**
     * What has to be pulled by the Docker Engine with a classic graph driver, which knows a layer together with all layers below it:
     * the first that it doesn't have there, and all above it.
     */
    readonly pulledByGraphDriver: LayerCost;
    /** Bytes of the target's config and manifest, as far as they differ; they go with each push and pull. */
    readonly documents: number;
    /**
     * What a client unpacks again if it keeps layers as chains, each on top of those below it, as Docker's graph drivers and
     * containerd's snapshots do: the first layer that has changed, and all above it.
     */
    readonly extracted: LayerCost;
    /** Whether some of the layers to send aren't compressed, so that fewer bytes may be sent than they have. */
    readonly uncompressed: boolean;
  };
}
