/** Runs a layer's scripts, and makes the layer of what they leave. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { VarveError } from "../../errors.ts";
import type { Digest } from "../../oci/index.ts";
import { type TarEntry, type TarInputMember, writeTar } from "../../tar/index.ts";
import { absent } from "../programs.ts";
import { type Chosen, chooseSandbox, lastMessage, scriptError } from "./choose.ts";
import { finished } from "./finish.ts";
import {
  type BaseFacts,
  baseInput,
  directoriesInput,
  PLAIN_ROOT,
  type RootAttributes,
  rootInput,
} from "./input.ts";
import { type LayerRules, layerMembers } from "./layer.ts";
import {
  changesBetween,
  type ListedName,
  listForTar,
  readingOrder,
  readListing,
  type TreeChange,
} from "./listing.ts";
import { eachLine, type Phase, type PhaseEnd, runPhase, type SandboxPlace } from "./process.ts";
import { programOf } from "./program.ts";
import { readSpool, spoolTo } from "./spool.ts";
import type { ScriptedLayer, ScriptName, ScriptOptions } from "./types.ts";
import { emptyWorkFolder, newWorkFolder, removeWorkFolder } from "./work-folder.ts";

const IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What `fakeroot` is called with, so that one phase knows the owners of those before. */
const FAKED = "fakeroot -i /state/owners -s /state/owners --";

/**
 * Runs the scripts of a layer in a sandbox, `runAsRoot` before the others: no network, none of the machine's files but its programs (read-only), a clean
 * environment, its own processes. What they leave is the layer; whiteouts stand in it for what `runAsRoot` removed.
 *
 * The same base, contents and scripts give the same bytes in every sandbox, as far as the scripts do the same.
 * Nothing is left running or mounted, also where varve is killed; then the temporary folder `varve-scripts-…` stays until
 * scripts are next run.
 * @throws VarveError `SCRIPT_FAILED` with the script's name, line (where its shell tells) and status; `SCRIPT_TIMEOUT`;
 *   `SANDBOX_UNAVAILABLE`; `UNWRITABLE` when a tree can't be unpacked; `UNSUPPORTED_FILE` for a file with a whiteout's
 *   name; `INVALID_TAR`; `ABORTED`
 */
export async function runScripts(options: ScriptOptions): Promise<ScriptedLayer> {
  const folder = await newWorkFolder(options.temporary, options.path);
  const work = new Work(folder, options);
  try {
    return await work.make();
  } catch (error) {
    await work.remove();
    throw error;
  }
}

/** What is known of the layer's folder. */
interface Made {
  /** What `runAsRoot` changed in a copy of the image, which then is the folder. */
  readonly change: TreeChange | undefined;
  /** What the root directory was before the scripts with root's view. */
  readonly root: RootAttributes;
  /** Whether owners are as root sees them. */
  readonly rootView: boolean;
  readonly namedWhiteouts: boolean;
}

/** One layer in the making. */
class Work {
  readonly #folder: string;
  readonly #options: ScriptOptions;
  #sandbox: Chosen | undefined;
  /** What goes before programs that have to see the owners which `fakeroot` keeps. */
  #faked = "";
  /** Directories in the layer that belong to others than its owner. */
  readonly #foreign = new Map<string, TarEntry>();
  readonly #sockets = new Set<string>();
  #made: Made = { change: undefined, root: PLAIN_ROOT, rootView: false, namedWhiteouts: false };
  readonly #facts: BaseFacts = { directories: new Map(), notes: [], hardLinks: false, root: PLAIN_ROOT };

  constructor(folder: string, options: ScriptOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  async make(): Promise<ScriptedLayer> {
    const { steps, owner, unions = ["overlay", "fuse", "copy"] } = this.#options;
    const { extraCommands, fakeRootCommands, enableFakechroot = false, runAsRoot } = steps;
    const inImage = runAsRoot !== undefined;
    const inside = inImage || (fakeRootCommands !== undefined && enableFakechroot);
    const rootView = inImage || fakeRootCommands !== undefined;
    this.#sandbox = await chooseSandbox(
      { folder: this.#folder, path: this.#options.path, signal: this.#options.signal },
      { rootView, inside, union: inImage },
      { sandboxes: this.#options.sandboxes ?? ["root", "ids", "single"], unions },
    );
    this.#faked = await this.#chooseFaked();

    if (inImage && this.#options.base !== undefined) await this.#unpackBase();
    await this.#unpackRoot();
    if (extraCommands !== undefined && !inImage) {
      await this.#script("extraCommands", { PHASE: "caller" }, extraCommands);
    }
    const { uid, gid } = owner;
    if (rootView) await this.#giveToOwners();
    this.#made = {
      ...this.#made,
      rootView,
      root: { ...this.#facts.root, ...(rootView && !inImage ? { uid, gid } : {}) },
    };
    if (runAsRoot !== undefined) {
      await this.#runAsRoot(runAsRoot);
      const further = extraCommands ?? fakeRootCommands;
      if (further !== undefined) await this.#layItOut();
      if (extraCommands !== undefined) await this.#script("extraCommands", { PHASE: "root" }, extraCommands);
    }
    if (fakeRootCommands !== undefined) {
      // With a union instead, the layer's directories would be marked as hiding the base's.
      const phase = enableFakechroot ? { PHASE: "image", UNION: "copy", FOLDER: "upper" } : { PHASE: "root" };
      await this.#script("fakeRootCommands", phase, fakeRootCommands);
    }
    return await this.#layer();
  }

  async #unpackBase(): Promise<void> {
    const { kind, ids, union } = this.#sandbox!;
    const into = union === "copy" ? "image" : "lower";
    const input = baseInput(this.#options.base!(), this.#facts, { ids, devices: kind === "root" });
    await this.#tool({ PHASE: "extract", FOLDER: into, OWNER: "--same-owner" }, "unpack the base image", {
      input,
    });
    // fuse-overlayfs writes a change of a file with several names under one of them only, maybe another than was meant.
    if (union === "fuse" && this.#facts.hardLinks) {
      await rename(join(this.#folder, "lower"), join(this.#folder, "image"));
      this.#sandbox = { ...this.#sandbox!, union: "copy" };
    }
  }

  async #unpackRoot(): Promise<void> {
    const { owner, root } = this.#options;
    const facts = { root: this.#facts.root, owner, foreign: this.#foreign };
    const input = rootInput(root?.(), facts);
    await this.#tool(
      { PHASE: "extract", FOLDER: "upper", OWNER: "--no-same-owner" },
      "unpack the layer's contents",
      {
        input,
      },
    );
  }

  /** Gives the layer's files to its owner, and the directories that the base has to theirs. */
  async #giveToOwners(): Promise<void> {
    const { uid, gid } = this.#options.owner;
    if (uid !== 0 || gid !== 0) {
      await this.#tool(
        { PHASE: "own", UID: String(uid), GID: String(gid), FAKED: this.#faked },
        "give the layer's files to their owner",
      );
    }
    if (this.#foreign.size === 0) return;
    await this.#tool(
      { PHASE: "extract", FOLDER: "upper", OWNER: "--same-owner", FAKED: this.#faked },
      "give the base image's directories to their owners",
      { input: directoriesInput(this.#foreign.values()) },
    );
  }

  /** Runs a script whose `/` is the layer on top of the base; with a copy of these, notes what it changed. */
  async #runAsRoot(text: string): Promise<void> {
    const { union } = this.#sandbox!;
    const image = { PHASE: "image", UNION: union, FOLDER: union === "copy" ? "image" : "lower" };
    this.#made = { ...this.#made, namedWhiteouts: union === "fuse" };
    if (union !== "copy") {
      await this.#script("runAsRoot", image, text);
      return;
    }
    await mkdir(join(this.#folder, "image"), { recursive: true });
    const before = await this.#list("image");
    await this.#tool({ PHASE: "apply" }, "put the layer's contents on the base image");
    await this.#script("runAsRoot", image, text);
    this.#made = { ...this.#made, change: changesBetween(before, await this.#list("image")) };
  }

  /** Makes a plain folder of what `runAsRoot` changed, in which whiteouts are files, for the scripts after it. */
  async #layItOut(): Promise<void> {
    const path = join(this.#folder, "changes.tar");
    const { size, diffId } = await this.#pack(path, (members) => members);
    await this.#tool({ PHASE: "renew" }, "remove the image's copy");
    const facts = { root: this.#made.root, owner: this.#options.owner, foreign: new Map() };
    await this.#tool(
      { PHASE: "extract", FOLDER: "upper", OWNER: "--same-owner" },
      "unpack what runAsRoot changed",
      { input: rootInput(readSpool(path, { size, diffId }), facts) },
    );
    await rm(path);
    this.#made = { ...this.#made, change: undefined, namedWhiteouts: true };
  }

  async #list(folder: string): Promise<ListedName[]> {
    let names: ListedName[] = [];
    await this.#tool({ PHASE: "list", FOLDER: folder }, "list the layer's files", {
      output: async (bytes) => {
        names = await readListing(bytes);
      },
    });
    return names;
  }

  async #layer(): Promise<ScriptedLayer> {
    const { owner, permissions = [], after, steps } = this.#options;
    const { kind, union } = this.#sandbox!;
    const path = join(this.#folder, "layer.tar");
    const unmatched = new Set(permissions);
    const spooled = await this.#pack(path, (members) =>
      finished(members, { owner, permissions, unmatched, after: after?.() }),
    );
    await emptyWorkFolder({ kind, folder: this.#folder, path: this.#options.path });
    return {
      ...spooled,
      notes: [...this.#facts.notes, ...this.#sockets],
      unmatched: [...unmatched],
      sandbox: kind,
      union: steps.runAsRoot === undefined ? undefined : union,
      open: () => readSpool(path, spooled),
      [Symbol.asyncDispose]: () => this.remove(),
    };
  }

  /** Writes the layer as it is now into a file. */
  async #pack(
    path: string,
    finish: (members: AsyncIterable<TarInputMember>) => AsyncIterable<TarInputMember>,
  ): Promise<{ readonly diffId: Digest; readonly size: number }> {
    const { change, root, rootView, namedWhiteouts } = this.#made;
    const { owner, mtime } = this.#options;
    const folder = change === undefined ? "upper" : "image";
    const listed = (await this.#list(folder)).filter(({ name }) => change?.kept.has(name) ?? true);
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
    await this.#tool({ PHASE: "pack", FOLDER: folder, FAKED: this.#faked }, "pack the layer", {
      input: listForTar(names),
      output: async (archive) => {
        spooled = await spoolTo(path, writeTar(finish(layerMembers(archive, rules))));
      },
    });
    return spooled!;
  }

  /**
   * Whether `fakeroot` keeps the owners: without ids there is nothing else, and with them it lets a script make
   * devices, too. What it keeps is no use to a script that runs afterwards in the image.
   */
  async #chooseFaked(): Promise<string> {
    const { fakeRootCommands, enableFakechroot, runAsRoot } = this.#options.steps;
    const wanted = fakeRootCommands !== undefined && !enableFakechroot && runAsRoot === undefined;
    if (this.#sandbox!.kind === "root" || !wanted) return "";
    return (await absent(["fakeroot"], this.#options.path)).length === 0 ? FAKED : "";
  }

  async #script(name: ScriptName, variables: Phase["variables"], text: string): Promise<void> {
    const {
      mtime,
      network = false,
      timeoutSeconds,
      onOutput,
      shell,
      path,
      imagePath,
      visible = [],
    } = this.#options;
    const program = programOf(text);
    await writeFile(join(this.#folder, "script"), program.text);
    const { PHASE: phase } = variables;
    const environment = [
      `PATH=${phase === "image" ? (imagePath ?? IMAGE_PATH) : path}`,
      `HOME=${phase === "image" ? "/root" : "/tmp"}`,
      `SOURCE_DATE_EPOCH=${mtime}`,
      "LC_ALL=C",
      "TZ=UTC0",
    ];
    const caller = this.#sandbox!.kind === "root" ? "" : `${process.getuid?.()}:${process.getgid?.()}`;
    const end = await this.#phase({
      variables: {
        ...variables,
        SHELL: program.shell ?? shell ?? "",
        ARGUMENT: program.argument ?? "",
        NAME: name,
        CALLER: caller,
        FAKED: this.#faked,
        VISIBLE: visible.map((shown) => `${shown}\n`).join(""),
      },
      environment,
      network,
      timeoutSeconds,
      output: (bytes) => eachLine(bytes, (line) => onOutput?.(line, "stdout", name)),
      onStderr: (line) => onOutput?.(line, "stderr", name),
    });
    if (end.timedOut) {
      throw new VarveError(
        "SCRIPT_TIMEOUT",
        `${name} did not end within ${timeoutSeconds} s and was stopped; give it more time, or make it do less`,
      );
    }
    if (end.status === 0 && end.started) return;
    throw scriptError(name, end);
  }

  /** Runs a phase in which only programs of the machine work. */
  async #tool(
    variables: Phase["variables"],
    what: string,
    streams: {
      readonly input?: AsyncIterable<Uint8Array>;
      readonly output?: (bytes: Readable) => Promise<void>;
    } = {},
  ): Promise<void> {
    const end = await this.#phase({ variables, ...streams });
    if (end.status !== 0) throw new VarveError("UNWRITABLE", `cannot ${what}: ${lastMessage(end)}`);
  }

  #phase(phase: Phase): Promise<PhaseEnd> {
    const { path, signal } = this.#options;
    const place: SandboxPlace = { kind: this.#sandbox!.kind, folder: this.#folder, path, signal };
    return runPhase(place, phase);
  }

  /** Removes the temporary folder. */
  async remove(): Promise<void> {
    const place = { folder: this.#folder, path: this.#options.path };
    // Without a sandbox there are no trees yet.
    await removeWorkFolder({ ...place, kind: this.#sandbox?.kind ?? "root" });
  }
}
