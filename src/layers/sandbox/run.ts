/** Runs a layer's scripts, and makes the layer from what they leave. */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { VarveError } from "#errors";
import type { Digest } from "#oci";
import { type TarEntry, type TarInputMember, writeTar } from "#tar";
import { finished } from "./finish.ts";
import {
  type BaseFacts,
  baseInput,
  directoriesInput,
  type NoteEntry,
  PLAIN_ROOT,
  type RootAttributes,
  rootInput,
} from "./input.ts";
import { type LayerRules, layerMembers } from "./layer.ts";
import { changesBetween, type ListedName, listForTar, readingOrder, type TreeChange } from "./listing.ts";
import type { ShownImage } from "./phase.ts";
import { Sandbox } from "./sandbox.ts";
import { readSpool, spoolTo } from "./spool.ts";
import { type Programs, programsOn } from "./stores.ts";
import type { ScriptedLayer, ScriptOptions, UnionKind } from "./types.ts";
import { emptyWorkFolder, newWorkFolder, removeWorkFolder } from "./work-folder.ts";

/**
 * Runs the scripts of a layer in a sandbox, `runAsRoot` before the others: without a network, with no files of the machine but
 * its programs (read-only), with a clean environment and processes of its own. What they leave is the layer, in which
 * whiteouts stand for what `runAsRoot` removed.
 *
 * The same base, contents and scripts give the same bytes in every sandbox, as far as the scripts do the same.
 * Nothing is left running or mounted, even if varve is killed; then the temporary folder `varve-scripts-…` stays until
 * scripts are run the next time.
 * @throws VarveError `SCRIPT_FAILED` with the script's name, line (where its shell tells) and status; `SCRIPT_TIMEOUT`;
 *   `SANDBOX_UNAVAILABLE`; `UNWRITABLE` when a tree can't be unpacked; `UNSUPPORTED_FILE` for a file with a whiteout's
 *   name; `INVALID_TAR`; `ABORTED`
 */
export async function runScripts(options: ScriptOptions): Promise<ScriptedLayer> {
  if (process.platform !== "linux") {
    throw new VarveError(
      "SANDBOX_UNAVAILABLE",
      "scripts run in namespaces, which only Linux has; build this image on Linux, or have copyToRoot and permissions do what its scripts do",
    );
  }
  const programs = await programsOn(options.path);
  const folder = await newWorkFolder(options.temporary, programs);
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await Sandbox.choose(folder, programs, options);
    return await new Work({ folder, programs }, options, sandbox).make();
  } catch (error) {
    // Without a sandbox there are no trees yet. What can't be removed now is removed when scripts are run the next time.
    await removeWorkFolder({ folder, programs, kind: sandbox?.chosen.kind ?? "root" }).catch(() => {});
    throw error;
  }
}

/** The state of the layer's folder, as far as the scripts that have run changed it. */
interface FolderState {
  /** What `runAsRoot` changed in a copy of the image, which then is the folder. */
  readonly change: TreeChange | undefined;
  /** What the root directory was before the scripts with root's view. */
  readonly root: RootAttributes;
  readonly namedWhiteouts: boolean;
}

/** One layer that is being made. */
class Work {
  readonly #folder: string;
  readonly #programs: Programs;
  readonly #options: ScriptOptions;
  readonly #sandbox: Sandbox;
  #union: UnionKind;
  /** Directories in the layer that belong to others than its owner. */
  readonly #foreign = new Map<string, TarEntry>();
  readonly #sockets = new Set<string>();
  #state: FolderState = { change: undefined, root: PLAIN_ROOT, namedWhiteouts: false };
  readonly #facts: BaseFacts = { directories: new Map(), notes: [], hardLinks: false, root: PLAIN_ROOT };

  constructor(
    place: { readonly folder: string; readonly programs: Programs },
    options: ScriptOptions,
    sandbox: Sandbox,
  ) {
    this.#folder = place.folder;
    this.#programs = place.programs;
    this.#options = options;
    this.#sandbox = sandbox;
    this.#union = sandbox.chosen.union;
  }

  async make(): Promise<ScriptedLayer> {
    const { steps, owner } = this.#options;
    const { extraCommands, fakeRootCommands, enableFakechroot = false, runAsRoot } = steps;
    const { faked } = this.#sandbox;
    const { inImage, rootView } = this.#sandbox.needs;

    if (inImage && this.#options.base !== undefined) await this.#unpackBase();
    await this.#unpackRoot();
    if (extraCommands !== undefined && !inImage) {
      await this.#sandbox.script("extraCommands", "caller", extraCommands);
    }
    const { uid, gid } = owner;
    if (rootView && faked === undefined) await this.#giveToOwners();
    else if (!inImage) await faked?.tell(await this.#sandbox.list("upper"));
    this.#state = {
      ...this.#state,
      root: { ...this.#facts.root, ...(rootView && !inImage ? { uid, gid } : {}) },
    };
    if (runAsRoot !== undefined) {
      await this.#runAsRoot(runAsRoot);
      const further = extraCommands ?? fakeRootCommands;
      if (further !== undefined) await this.#layItOut();
      if (extraCommands !== undefined) await this.#sandbox.script("extraCommands", "root", extraCommands);
    }
    if (fakeRootCommands !== undefined) {
      // In a union, the layer's directories would be marked as hiding the base's.
      const view = enableFakechroot ? ({ union: "copy", folder: "upper" } as const) : "root";
      await this.#sandbox.script("fakeRootCommands", view, fakeRootCommands);
    }
    return await this.#layer();
  }

  async #unpackBase(): Promise<void> {
    const { chosen, faked } = this.#sandbox;
    const into = this.#union === "copy" ? "image" : "lower";
    const input = baseInput(this.#options.base!(), this.#facts, {
      ids: faked === undefined ? chosen.ids : Number.POSITIVE_INFINITY,
      devices: chosen.kind === "root" || faked !== undefined,
      note: this.#noteEntry(),
    });
    const phase = { name: "extract", folder: into, sameOwner: true } as const;
    await this.#sandbox.tool(phase, "unpack the base image", { input });
    // If a file with several names is changed, fuse-overlayfs writes the change under one name only, perhaps the wrong one.
    if (this.#union === "fuse" && this.#facts.hardLinks) {
      await rename(join(this.#folder, "lower"), join(this.#folder, "image"));
      this.#union = "copy";
    }
  }

  async #unpackRoot(): Promise<void> {
    const { owner, root } = this.#options;
    const { uid, gid } = this.#sandbox.needs.inImage ? this.#facts.root : owner;
    const facts = {
      root: { ...this.#facts.root, uid, gid },
      owner,
      foreign: this.#foreign,
      note: this.#noteEntry(),
    };
    const input = rootInput(root?.(), facts);
    const phase = { name: "extract", folder: "upper", sameOwner: false } as const;
    await this.#sandbox.tool(phase, "unpack the layer's contents", { input });
  }

  /** Gives the layer's files to its owner, and the directories that the base has to theirs. */
  async #giveToOwners(): Promise<void> {
    const { uid, gid } = this.#options.owner;
    if (uid !== 0 || gid !== 0) {
      await this.#sandbox.tool({ name: "own", uid, gid }, "give the layer's files to their owner");
    }
    if (this.#foreign.size === 0) return;
    await this.#sandbox.tool(
      { name: "extract", folder: "upper", sameOwner: true },
      "give the base image's directories to their owners",
      { input: directoriesInput(this.#foreign.values()) },
    );
  }

  /** Runs a script whose `/` is the layer on top of the base; with a copy of these, notes what it changed. */
  async #runAsRoot(text: string): Promise<void> {
    const union = this.#union;
    const image: ShownImage = { union, folder: union === "copy" ? "image" : "lower" };
    this.#state = { ...this.#state, namedWhiteouts: union === "fuse" };
    if (union !== "copy") {
      await this.#sandbox.script("runAsRoot", image, text);
      return;
    }
    // Otherwise making them would look like a change of the folders that they are in.
    await this.#sandbox.tool({ name: "points", ...image }, "make folders to mount on in the base image");
    const before = await this.#sandbox.list("image");
    await this.#sandbox.tool({ name: "apply" }, "put the layer's contents on the base image");
    await this.#sandbox.faked?.tell(await this.#sandbox.list("image"));
    const seenBefore = this.#seen(before);
    await this.#sandbox.script("runAsRoot", image, text);
    const after = this.#seen(await this.#sandbox.list("image"));
    this.#state = { ...this.#state, change: changesBetween(seenBefore, after) };
  }

  /** Turns what `runAsRoot` changed into a plain folder for the scripts after it, with whiteouts as files. */
  async #layItOut(): Promise<void> {
    const path = join(this.#folder, "changes.tar");
    const { size, diffId } = await this.#pack(path, (members) => members);
    await this.#sandbox.tool({ name: "renew" }, "remove the image's copy");
    const facts = {
      root: this.#state.root,
      owner: this.#options.owner,
      foreign: new Map(),
      note: this.#noteEntry(),
    };
    await this.#sandbox.tool(
      { name: "extract", folder: "upper", sameOwner: true },
      "unpack what runAsRoot changed",
      { input: rootInput(readSpool(path, { size, diffId }), facts) },
    );
    await rm(path);
    await this.#sandbox.faked?.tell(await this.#sandbox.list("upper"));
    this.#state = { ...this.#state, change: undefined, namedWhiteouts: true };
  }

  async #layer(): Promise<ScriptedLayer> {
    const { owner, permissions = [], after } = this.#options;
    const { kind } = this.#sandbox.chosen;
    const path = join(this.#folder, "layer.tar");
    const unmatched = new Set(permissions);
    const spooled = await this.#pack(path, (members) =>
      finished(members, { owner, permissions, unmatched, after: after?.() }),
    );
    const place = { kind, folder: this.#folder, programs: this.#programs };
    await emptyWorkFolder(place);
    return {
      ...spooled,
      notes: [...this.#facts.notes, ...this.#sockets],
      unmatched: [...unmatched],
      sandbox: kind,
      union: this.#sandbox.needs.inImage ? this.#union : undefined,
      open: () => readSpool(path, spooled),
      [Symbol.asyncDispose]: () => removeWorkFolder(place),
    };
  }

  /** Writes the layer in its present state to a file. */
  async #pack(
    path: string,
    finish: (members: AsyncIterable<TarInputMember>) => AsyncIterable<TarInputMember>,
  ): Promise<{ readonly diffId: Digest; readonly size: number }> {
    const { change, root, namedWhiteouts } = this.#state;
    const { rootView } = this.#sandbox.needs;
    const { owner, mtime } = this.#options;
    const folder = change === undefined ? "upper" : "image";
    const found = await this.#sandbox.list(folder);
    this.#sandbox.faked?.check(found);
    const listed = this.#seen(found).filter(({ name }) => change?.kept.has(name) ?? true);
    for (const { name, type } of listed) {
      if (type === "s") this.#sockets.add(`/${name} is a socket, and left out of the layer`);
    }
    const names = readingOrder(listed);
    const rules: LayerRules = {
      owner,
      forceOwner: !rootView,
      foreign: this.#foreign,
      mtime,
      root: rootView ? root : { ...root, uid: 0, gid: 0 },
      inBase: (name) => this.#facts.directories.get(name),
      removed: change?.removed ?? [],
      replaced: change?.replaced ?? new Set<string>(),
      namedWhiteouts,
    };
    let spooled: Awaited<ReturnType<typeof spoolTo>> | undefined;
    await this.#sandbox.tool(
      { name: "pack", folder, faked: this.#sandbox.faked?.command },
      "pack the layer",
      {
        input: listForTar(names),
        output: async (archive) => {
          spooled = await spoolTo(path, writeTar(finish(layerMembers(archive, rules))));
        },
      },
    );
    return spooled!;
  }

  #noteEntry(): NoteEntry | undefined {
    const faked = this.#sandbox.faked;
    return faked && ((entry) => faked.note(entry, (sentence) => this.#facts.notes.push(sentence)));
  }

  /** Names as scripts with root's view see them. */
  #seen(listed: readonly ListedName[]): readonly ListedName[] {
    return this.#sandbox.faked?.seen(listed) ?? listed;
  }
}
