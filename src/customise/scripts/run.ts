/** Runs a layer's scripts, and makes the layer of what they leave. */
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { VarveError, writeError } from "../../errors.ts";
import { encodeName } from "../../util/index.ts";
import { absent, type Chosen, chooseSandbox, lastMessage } from "./choose.ts";
import { type BaseFacts, baseInput, PLAIN_ROOT, type RootAttributes, rootInput } from "./input.ts";
import { layerBytes } from "./layer.ts";
import { changesBetween, type ListedName, readingOrder, readListing, type TreeChange } from "./listing.ts";
import { eachLine, type Phase, type PhaseEnd, runPhase, type SandboxPlace } from "./process.ts";
import { programOf } from "./program.ts";
import { readSpool, spoolTo } from "./spool.ts";
import type { ScriptedLayer, ScriptName, ScriptOptions } from "./types.ts";

const IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What `fakeroot` is called with, so that one phase knows the owners of those before. */
const FAKED = "fakeroot -i /state/owners -s /state/owners --";

/**
 * Runs the scripts of a layer in a sandbox: no network, none of the machine's files but its programs (read-only), a clean
 * environment, its own processes. What they leave is the layer; whiteouts stand in it for what `runAsRoot` removed.
 *
 * The same base, contents and scripts give the same bytes in every sandbox, as far as the scripts do the same.
 * Nothing is left running or mounted, also where varve is killed; then the temporary folder `varve-scripts-…` stays.
 * @throws VarveError `SCRIPT_FAILED` with the script's name, line (where its shell tells) and status; `SCRIPT_TIMEOUT`;
 *   `SANDBOX_UNAVAILABLE`; `UNWRITABLE` when a tree can't be unpacked; `UNSUPPORTED_FILE` for a file with a whiteout's
 *   name; `INVALID_TAR`; `ABORTED`
 */
export async function runScripts(options: ScriptOptions): Promise<ScriptedLayer> {
  const folder = await workFolder(options.temporary);
  const work = new Work(folder, options);
  try {
    return await work.make();
  } catch (error) {
    await work.remove();
    throw error;
  }
}

async function workFolder(temporary: string): Promise<string> {
  try {
    const folder = await mkdtemp(join(await realpath(temporary), "varve-scripts-"));
    for (const name of ["world", "tmp", "state", "upper"]) await mkdir(join(folder, name), { mode: 0o755 });
    await writeFile(join(folder, "state", "owners"), "");
    return folder;
  } catch (error) {
    throw writeError(`a temporary folder in ${temporary}`, error);
  }
}

/** One layer in the making. */
class Work {
  readonly #folder: string;
  readonly #options: ScriptOptions;
  #sandbox: Chosen | undefined;
  /** What goes before programs that have to see the owners which `fakeroot` keeps. */
  #faked = "";
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
    if (extraCommands !== undefined) await this.#script("extraCommands", { PHASE: "caller" }, extraCommands);
    const { uid, gid } = owner;
    if (rootView && (uid !== 0 || gid !== 0)) {
      await this.#tool(
        { PHASE: "own", UID: String(uid), GID: String(gid) },
        "give the layer's files to their owner",
      );
    }
    const root: RootAttributes = { ...this.#facts.root, ...(rootView && !inImage ? { uid, gid } : {}) };
    if (fakeRootCommands !== undefined) {
      if (enableFakechroot) await this.#inside("fakeRootCommands", fakeRootCommands, false);
      else await this.#script("fakeRootCommands", { PHASE: "root" }, fakeRootCommands);
    }
    const change = runAsRoot === undefined ? undefined : await this.#inside("runAsRoot", runAsRoot, true);
    return await this.#layer({ change, root, rootView, inImage });
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
    const input = rootInput(this.#options.root?.(), this.#facts.root);
    await this.#tool(
      { PHASE: "extract", FOLDER: "upper", OWNER: "--no-same-owner" },
      "unpack the layer's contents",
      {
        input,
      },
    );
  }

  /** Runs a script whose `/` is the layer's root, on top of the base; with a copy, tells what it changed. */
  async #inside(name: ScriptName, text: string, onBase: boolean): Promise<TreeChange | undefined> {
    const { union } = this.#sandbox!;
    if (!onBase) {
      // The layer is changed in place. (A union would mark its directories as hiding the base's.)
      await this.#script(name, { PHASE: "image", UNION: "copy", FOLDER: "upper" }, text);
      return undefined;
    }
    const image = { PHASE: "image", UNION: union, FOLDER: union === "copy" ? "image" : "lower" };
    if (union !== "copy") {
      await this.#script(name, image, text);
      return undefined;
    }
    await mkdir(join(this.#folder, "image"), { recursive: true });
    const before = await this.#list("image");
    await this.#tool({ PHASE: "apply" }, "put the layer's contents on the base image");
    await this.#script(name, image, text);
    return changesBetween(before, await this.#list("image"));
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

  async #layer(made: {
    readonly change: TreeChange | undefined;
    readonly root: RootAttributes;
    readonly rootView: boolean;
    readonly inImage: boolean;
  }): Promise<ScriptedLayer> {
    const { change, root, rootView, inImage } = made;
    const { kind, union } = this.#sandbox!;
    const { owner, mtime } = this.#options;
    const folder = change === undefined ? "upper" : "image";
    const listed = (await this.#list(folder)).filter(({ name }) => change?.kept.has(name) ?? true);
    const notes = [
      ...this.#facts.notes,
      ...listed
        .filter(({ type }) => type === "s")
        .map(({ name }) => `/${name} is a socket, and left out of the layer`),
    ];
    const order = readingOrder(listed).map((name) => `./${name}\0`);
    const path = join(this.#folder, "layer.tar");
    let spooled: Awaited<ReturnType<typeof spoolTo>> | undefined;
    await this.#tool({ PHASE: "pack", FOLDER: folder, FAKED: this.#faked }, "pack the layer", {
      input: texts(order),
      output: async (archive) => {
        const rules = {
          owner,
          forceOwner: !rootView,
          mtime,
          root: rootView ? root : { ...root, uid: 0, gid: 0 },
          inBase: (name: string) => this.#facts.directories.get(name),
          removed: change?.removed ?? [],
          replaced: change?.replaced ?? new Set<string>(),
          namedWhiteouts: inImage && union === "fuse",
        };
        spooled = await spoolTo(path, layerBytes(archive, rules));
      },
    });
    await this.#clean();
    const { diffId, size } = spooled!;
    return {
      diffId,
      size,
      notes,
      sandbox: kind,
      union: inImage ? union : undefined,
      open: () => readSpool(path, { diffId, size }),
      [Symbol.asyncDispose]: () => this.remove(),
    };
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
    const faked = variables.PHASE === "own" ? { FAKED: this.#faked } : {};
    const end = await this.#phase({ variables: { ...variables, ...faked }, ...streams });
    if (end.status !== 0) throw new VarveError("UNWRITABLE", `cannot ${what}: ${lastMessage(end)}`);
  }

  #phase(phase: Phase): Promise<PhaseEnd> {
    const { path, signal } = this.#options;
    const place: SandboxPlace = { kind: this.#sandbox!.kind, folder: this.#folder, path, signal };
    return runPhase(place, phase);
  }

  /** Removes the trees; only who made them can, where they belong to ids of a range. */
  async #clean(): Promise<void> {
    if (this.#sandbox === undefined || this.#sandbox.kind === "root") return;
    const place = { kind: this.#sandbox.kind, folder: this.#folder, path: this.#options.path };
    await runPhase(place, { variables: { PHASE: "clean" } });
  }

  /** Removes the temporary folder. */
  async remove(): Promise<void> {
    await this.#clean().catch(() => {});
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function scriptError(name: ScriptName, end: PhaseEnd): VarveError {
  if (!end.started) return new VarveError("SANDBOX_UNAVAILABLE", `cannot run ${name}: ${lastMessage(end)}`);
  const where = end.line === undefined ? "" : ` in line ${end.line}`;
  const hint =
    end.status === 127 && end.line === undefined ? ", which a shell that isn't there gives, too" : "";
  return new VarveError(
    "SCRIPT_FAILED",
    `${name} failed${where} with status ${end.status}${hint}; see what it wrote before`,
  );
}

async function* texts(parts: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < parts.length; at += 4096) yield encodeName(parts.slice(at, at + 4096).join(""));
}
