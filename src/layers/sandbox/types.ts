import type { Ownership, PermissionRule } from "#fs";
import type { Digest } from "#oci";
import type { ByteSource } from "#util";

/** The scripts of a layer, each a shell text: first `runAsRoot`, then `extraCommands`, then `fakeRootCommands`. */
export interface ScriptSteps {
  /** Runs as the caller in the layer's root folder; if there is a `runAsRoot`, with root's view of owners. */
  readonly extraCommands?: string | undefined;
  /** Runs in the layer's root folder with root's view of owners. */
  readonly fakeRootCommands?: string | undefined;
  /** Makes the layer's root `/` for `fakeRootCommands`. */
  readonly enableFakechroot?: boolean | undefined;
  /** Runs as root inside the image: `/` is the base with the layer on top. */
  readonly runAsRoot?: string | undefined;
}

/** One of `ScriptSteps` that is a script. */
export type ScriptName = "extraCommands" | "fakeRootCommands" | "runAsRoot";

/**
 * How scripts get root's view: `root` is root with namespaces of its own; `ids` is a user namespace with the caller's
 * range of `/etc/subuid`; `single` is a user namespace of one id, and `fakeroot` in it.
 */
export type SandboxKind = "root" | "ids" | "single";

/** How the layer is shown on top of the base: by the kernel, by `fuse-overlayfs`, or by a copy that is compared. */
export type UnionKind = "overlay" | "fuse" | "copy";

export interface ScriptOptions {
  readonly steps: ScriptSteps;
  /**
   * A plain tar archive of the base's whole tree: directories before what is in them, no path through a link, hard links only
   * to earlier entries, no whiteouts. Opened at most once.
   */
  readonly base?: (() => AsyncIterable<Uint8Array>) | undefined;
  /** A plain tar archive of the layer's content before any script, by the same rules. Opened at most once. */
  readonly root?: (() => AsyncIterable<Uint8Array>) | undefined;
  /**
   * A plain tar archive of what comes last in the layer and isn't seen by scripts. Directories that the layer has already
   * are left out. Opened at most once.
   */
  readonly after?: (() => AsyncIterable<Uint8Array>) | undefined;
  /** Applied to what the scripts leave. */
  readonly permissions?: readonly PermissionRule[] | undefined;
  /**
   * The owner of everything that no script with root's view has given to another. Where a script gives a file to this uid or
   * gid, the names are used, too; other ids have no names.
   */
  readonly owner: Ownership;
  /** Every entry's modification time, and `SOURCE_DATE_EPOCH` in the scripts; whole seconds since 1970. */
  readonly mtime: number;
  /** The shell. By default bash if there is one (on this machine, or in the image), since it reports lines; otherwise sh. */
  readonly shell?: string | undefined;
  /** Lets scripts use the network; without it they have none, not even loopback. */
  readonly network?: boolean | undefined;
  /** Each script's time limit in seconds; no limit if left out. */
  readonly timeoutSeconds?: number | undefined;
  /** The folder in which a temporary one is made. */
  readonly temporary: string;
  /**
   * `PATH` for the sandbox's own programs, and in scripts that don't run inside the image. If it lacks programs that the
   * sandbox needs, `/usr/sbin` and `/sbin` are added to its end.
   */
  readonly path: string;
  /** `PATH` in scripts that run inside the image; the usual six folders if left out. */
  readonly imagePath?: string | undefined;
  /** Absolute paths on this machine that scripts outside the image can read, besides its programs and `/nix/store`. */
  readonly visible?: readonly string[] | undefined;
  /** The kinds of sandbox that may be used, the best first; all if left out. */
  readonly sandboxes?: readonly SandboxKind[] | undefined;
  /** The unions that may be used; with `single` it is always a copy. */
  readonly unions?: readonly UnionKind[] | undefined;
  /** Receives each line that a script writes, as it comes. */
  readonly onOutput?: ((line: string, stream: "stdout" | "stderr", script: ScriptName) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The layer that scripts made: an uncompressed tar archive in a temporary folder, which is removed when this is disposed of.
 * `open` checks the bytes as they pass.
 */
export interface ScriptedLayer extends ByteSource, AsyncDisposable {
  readonly diffId: Digest;
  /** Bytes of the archive. */
  readonly size: number;
  /** What couldn't be done as asked, a sentence each. */
  readonly notes: readonly string[];
  /** The rules for permissions that matched nothing in the layer. */
  readonly unmatched: readonly PermissionRule[];
  /** Which kind of sandbox was used. */
  readonly sandbox: SandboxKind;
  /** How the image was shown to scripts inside it; undefined if none ran. */
  readonly union: UnionKind | undefined;
}
