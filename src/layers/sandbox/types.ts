import type { Ownership, PermissionRule } from "#fs";
import type { Digest } from "#oci";
import type { ByteSource } from "#util";

/** The scripts of a layer, each a shell text: first `runAsRoot`, then `extraCommands`, then `fakeRootCommands`. */
export interface ScriptSteps {
  /** Runs as the caller in the layer's root folder; after `runAsRoot` with root's view of owners, too. */
  readonly extraCommands?: string | undefined;
  /** Runs in the layer's root folder with root's view of owners. */
  readonly fakeRootCommands?: string | undefined;
  /** Makes the layer's root `/` for `fakeRootCommands`. */
  readonly enableFakechroot?: boolean | undefined;
  /** Runs as root inside of the image: the base with the layer on top is `/`. */
  readonly runAsRoot?: string | undefined;
}

/** One of {@link ScriptSteps} that is a script. */
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
   * A plain tar archive of the base's whole tree: parents before what is in them, no path through a link, hard links
   * only to entries before, no whiteouts. Opened at most once.
   */
  readonly base?: (() => AsyncIterable<Uint8Array>) | undefined;
  /** A plain tar archive of what the layer holds before any script; the same rules. Opened at most once. */
  readonly root?: (() => AsyncIterable<Uint8Array>) | undefined;
  /**
   * A plain tar archive of what stands behind all else in the layer, and that no script sees; directories which the
   * layer has already are left out. Opened at most once.
   */
  readonly after?: (() => AsyncIterable<Uint8Array>) | undefined;
  /** Applied to what the scripts leave. */
  readonly permissions?: readonly PermissionRule[] | undefined;
  /**
   * Who owns what no script with root's view gave to another. The names also stand for this uid and gid wherever a
   * script gave them; other ids have no names.
   */
  readonly owner: Ownership;
  /** Every entry's modification time, and `SOURCE_DATE_EPOCH` in the scripts; whole seconds since 1970. */
  readonly mtime: number;
  /** The shell; by default bash where there is one (on this machine, or in the image), since it tells lines, else sh. */
  readonly shell?: string | undefined;
  /** Lets scripts use the network; without it they have none, not even loopback. */
  readonly network?: boolean | undefined;
  /** Each script's time limit, in seconds; none when left out. */
  readonly timeoutSeconds?: number | undefined;
  /** The folder in which a temporary one is made. */
  readonly temporary: string;
  /**
   * `PATH` for the sandbox's own programs, and in scripts that don't run inside of the image. Where programs of the
   * sandbox aren't found on it, `/usr/sbin` and `/sbin` are added to its end.
   */
  readonly path: string;
  /** `PATH` in scripts that run inside of the image; the usual six folders when left out. */
  readonly imagePath?: string | undefined;
  /** Absolute paths of this machine that scripts outside of the image can read, besides its programs and `/nix/store`. */
  readonly visible?: readonly string[] | undefined;
  /** The ways that may be taken, the best first; all when left out. */
  readonly sandboxes?: readonly SandboxKind[] | undefined;
  /** With `single` it is always a copy. */
  readonly unions?: readonly UnionKind[] | undefined;
  /** Takes each line that a script writes, as it comes. */
  readonly onOutput?: ((line: string, stream: "stdout" | "stderr", script: ScriptName) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The layer that scripts made: an uncompressed tar archive in a temporary folder, which goes when this is disposed of.
 * `open` checks the bytes as they pass.
 */
export interface ScriptedLayer extends ByteSource, AsyncDisposable {
  readonly diffId: Digest;
  /** Bytes of the archive. */
  readonly size: number;
  /** What could not be done as told, a sentence each. */
  readonly notes: readonly string[];
  /** Those of the rules for permissions that nothing in the layer matched. */
  readonly unmatched: readonly PermissionRule[];
  /** Which way was taken. */
  readonly sandbox: SandboxKind;
  /** How the image was shown to a script inside of it; undefined where none ran. */
  readonly union: UnionKind | undefined;
}
