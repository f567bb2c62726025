/** The sandbox in which a layer is made: scripts and the tools before and after them, one at a time in one work folder. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { VarveError } from "../../errors.ts";
import { absent } from "../programs.ts";
import { type Chosen, chooseSandbox, lastMessage, type Needs, scriptError } from "./choose.ts";
import { FakedOwners, fakerootProgram } from "./faked.ts";
import { type ListedName, readListing } from "./listing.ts";
import { eachLine, type Phase, type PhaseEnd, runPhase } from "./process.ts";
import { programOf } from "./program.ts";
import type { SandboxKind, ScriptName, ScriptOptions } from "./types.ts";

const IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const ROOT = { uid: 0, gid: 0 };

/** What the C library says when it can't load fakeroot's for a program, and runs it without. */
const UNREACHED = /^ERROR: ld\.so: object '\/dev\/fakeroot\.so' from LD_PRELOAD cannot be preloaded \((.*)\)/;

type Variables = Phase["variables"];

export class Sandbox {
  readonly chosen: Chosen;
  /** Where `fakeroot` keeps the owners: without ids there is nothing else. */
  readonly faked: FakedOwners | undefined;
  readonly #folder: string;
  readonly #options: ScriptOptions;

  private constructor(
    folder: string,
    options: ScriptOptions,
    ways: { readonly chosen: Chosen; readonly faked: FakedOwners | undefined },
  ) {
    this.#folder = folder;
    this.#options = options;
    this.chosen = ways.chosen;
    this.faked = ways.faked;
  }

  /** @throws VarveError `SANDBOX_UNAVAILABLE` */
  static async choose(folder: string, options: ScriptOptions, needs: Needs): Promise<Sandbox> {
    const { path, signal, sandboxes = ["root", "ids", "single"] } = options;
    const { unions = ["overlay", "fuse", "copy"] } = options;
    const chosen = await chooseSandbox({ folder, path, signal }, needs, { sandboxes, unions });
    const faked = needs.rootView ? await fakedFor(chosen.kind, folder, options) : undefined;
    return new Sandbox(folder, options, { chosen, faked });
  }

  /**
   * Runs a script.
   * @throws VarveError `SCRIPT_FAILED`, `SCRIPT_TIMEOUT`, `SANDBOX_UNAVAILABLE`, `ABORTED`
   */
  async script(name: ScriptName, variables: Variables, text: string): Promise<void> {
    const { network = false, timeoutSeconds, onOutput, shell, visible = [] } = this.#options;
    const program = programOf(text);
    await writeFile(join(this.#folder, "script"), program.text);
    const caller = this.chosen.kind === "root" ? "" : `${process.getuid?.()}:${process.getgid?.()}`;
    const faked = variables.PHASE === "caller" ? undefined : this.faked;
    let unreached: string | undefined;
    const end = await this.#phase({
      variables: {
        ...variables,
        SHELL: program.shell ?? shell ?? "",
        ARGUMENT: program.argument ?? "",
        NAME: name,
        CALLER: caller,
        FAKED: faked?.command ?? "",
        VISIBLE: visible.map((shown) => `${shown}\n`).join(""),
      },
      environment: this.#environment(variables.PHASE === "image"),
      network,
      timeoutSeconds,
      output: (bytes) => eachLine(bytes, (line) => onOutput?.(line, "stdout", name)),
      onStderr: (line) => {
        unreached ??= UNREACHED.exec(line)?.[1];
        onOutput?.(line, "stderr", name);
      },
    });
    if (end.timedOut) {
      throw new VarveError(
        "SCRIPT_TIMEOUT",
        `${name} did not end within ${timeoutSeconds} s and was stopped; give it more time, or make it do less`,
      );
    }
    if (end.status !== 0 || !end.started) throw scriptError(name, end);
    if (faked === undefined) return;
    if (unreached !== undefined) {
      throw new VarveError(
        "SCRIPT_FAILED",
        `${name} ran a program that fakeroot doesn't reach (${unreached}), so owners may be lost; ` +
          "build as root or with a range of ids",
      );
    }
    // Without fakeroot, there is nothing to learn.
    if (!end.messages.includes("varve:unreached")) await faked.learn(name);
  }

  #environment(inImage: boolean): string[] {
    const { mtime, path, imagePath = IMAGE_PATH } = this.#options;
    return [
      `PATH=${inImage ? imagePath : path}`,
      `HOME=${inImage ? "/root" : "/tmp"}`,
      `SOURCE_DATE_EPOCH=${mtime}`,
      "LC_ALL=C",
      "TZ=UTC0",
    ];
  }

  /**
   * Runs a phase in which only programs of the machine work.
   * @param what it does, for the end of "cannot …"
   * @throws VarveError `UNWRITABLE`, `ABORTED`; whatever input and output throw
   */
  async tool(
    variables: Variables,
    what: string,
    streams: {
      readonly input?: AsyncIterable<Uint8Array>;
      readonly output?: (bytes: Readable) => Promise<void>;
    } = {},
  ): Promise<void> {
    const end = await this.#phase({ variables, ...streams });
    if (end.status !== 0) throw new VarveError("UNWRITABLE", `cannot ${what}: ${lastMessage(end)}`);
  }

  /** The names in a folder, as they are and not as `fakeroot` shows them. */
  async list(folder: string): Promise<ListedName[]> {
    let names: ListedName[] = [];
    await this.tool({ PHASE: "list", FOLDER: folder }, "list the layer's files", {
      output: async (bytes) => {
        names = await readListing(bytes);
      },
    });
    return names;
  }

  #phase(phase: Phase): Promise<PhaseEnd> {
    const { path, signal } = this.#options;
    return runPhase({ kind: this.chosen.kind, folder: this.#folder, path, signal }, phase);
  }
}

/** With ids, `fakeroot` lets a script make devices, too; but it would have to reach what the image has. */
async function fakedFor(
  kind: SandboxKind,
  folder: string,
  { path, steps, owner }: ScriptOptions,
): Promise<FakedOwners | undefined> {
  const inside = steps.runAsRoot !== undefined || steps.enableFakechroot === true;
  if (kind === "root" || (kind === "ids" && inside)) return undefined;
  const program = await fakerootProgram(path);
  if (program === undefined) return undefined;
  const capable = (await absent(["getcap", "setcap"], path)).length === 0;
  const otherwise = steps.runAsRoot === undefined ? owner : ROOT;
  return new FakedOwners({ program, folder: join(folder, "state"), capable, otherwise });
}
