/** The sandbox in which a layer is made: scripts and the tools before and after them, one at a time in one work folder. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VarveError } from "#errors";
import { type Chosen, chooseSandbox, lastMessage, type Needs, needsOf, scriptError } from "./choose.ts";
import { FakedOwners, fakerootProgram } from "./faked.ts";
import { type ListedName, readListing } from "./listing.ts";
import type { Phase, ScriptPlace, ShownImage, ToolPhase, Tree } from "./phase.ts";
import { eachLine, type PhaseStreams, runPhase, type SandboxPlace } from "./process.ts";
import { programOf } from "./program.ts";
import { absent } from "./programs.ts";
import type { Programs } from "./stores.ts";
import type { ScriptName, ScriptOptions } from "./types.ts";

const IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const ROOT = { uid: 0, gid: 0 };

/** What the C library prints when it can't load fakeroot's library for a program, and runs the program without it. */
const UNREACHED = /^ERROR: ld\.so: object '\/dev\/fakeroot\.so' from LD_PRELOAD cannot be preloaded \((.*)\)/;

/** Where a script runs: as the caller or with root's view in the layer's folder, or in an image. */
export type ScriptView = "caller" | "root" | ShownImage;

export class Sandbox {
  readonly chosen: Chosen;
  readonly needs: Needs;
  /** Keeps the owners for `fakeroot`; only where the sandbox has a single id. */
  readonly faked: FakedOwners | undefined;
  readonly #place: SandboxPlace;
  readonly #options: ScriptOptions;

  private constructor(
    place: SandboxPlace,
    options: ScriptOptions,
    ways: Pick<Sandbox, "chosen" | "needs" | "faked">,
  ) {
    this.#place = place;
    this.#options = options;
    this.chosen = ways.chosen;
    this.needs = ways.needs;
    this.faked = ways.faked;
  }

  /**
   * @param folder the work folder
   * @throws VarveError `SANDBOX_UNAVAILABLE`
   */
  static async choose(folder: string, programs: Programs, options: ScriptOptions): Promise<Sandbox> {
    const { signal, sandboxes = ["root", "ids", "single"] } = options;
    const { unions = ["overlay", "fuse", "copy"] } = options;
    const needs = needsOf(options.steps);
    const chosen = await chooseSandbox({ folder, programs, signal }, needs, { sandboxes, unions });
    const place = { kind: chosen.kind, folder, programs, signal };
    return new Sandbox(place, options, { chosen, needs, faked: await fakedFor(place, needs, options) });
  }

  /**
   * Runs a script.
   * @throws VarveError `SCRIPT_FAILED`, `SCRIPT_TIMEOUT`, `SANDBOX_UNAVAILABLE`, `ABORTED`
   */
  async script(name: ScriptName, view: ScriptView, text: string): Promise<void> {
    const { network = false, timeoutSeconds, onOutput, shell, visible = [] } = this.#options;
    const program = programOf(text);
    await writeFile(join(this.#place.folder, "script"), program.text);
    const faked = view === "caller" ? undefined : this.faked;
    let unreached: string | undefined;
    const phase: Phase = {
      name: "script",
      script: name,
      place: this.#placeOf(view),
      shell: program.shell ?? shell,
      argument: program.argument,
      network,
      visible,
      environment: this.#environment(typeof view === "object"),
    };
    const end = await runPhase(this.#place, phase, {
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
    // Without fakeroot there is nothing to learn.
    if (!end.messages.includes("varve:unreached")) await faked.learn(name);
  }

  #placeOf(view: ScriptView): ScriptPlace {
    const faked = this.faked?.command;
    if (view === "root") return { name: "root", faked };
    if (view !== "caller") return { name: "image", faked, ...view };
    const ids = this.chosen.kind === "root" ? undefined : `${process.getuid?.()}:${process.getgid?.()}`;
    return { name: "caller", ids };
  }

  #environment(inImage: boolean): string[] {
    const { mtime, imagePath = IMAGE_PATH } = this.#options;
    const { path } = this.#place.programs;
    return [
      `PATH=${inImage ? imagePath : path}`,
      `HOME=${inImage ? "/root" : "/tmp"}`,
      `SOURCE_DATE_EPOCH=${mtime}`,
      "LC_ALL=C",
      "TZ=UTC0",
    ];
  }

  /**
   * Runs a phase in which only the machine's own programs run.
   * @param what it does, for the end of "cannot …"
   * @throws VarveError `UNWRITABLE`, `ABORTED`; whatever input and output throw
   */
  async tool(
    phase: ToolPhase,
    what: string,
    streams?: Pick<PhaseStreams, "input" | "output">,
  ): Promise<void> {
    const end = await runPhase(this.#place, phase, streams);
    if (end.status !== 0) throw new VarveError("UNWRITABLE", `cannot ${what}: ${lastMessage(end)}`);
  }

  /** The names in a folder as they really are, not as `fakeroot` shows them. */
  async list(folder: Tree): Promise<ListedName[]> {
    let names: ListedName[] = [];
    await this.tool({ name: "list", folder }, "list the layer's files", {
      output: async (bytes) => {
        names = await readListing(bytes);
      },
    });
    return names;
  }
}

/** With ids, `fakeroot` would let a script make devices, too; but it would have to work with the image's own programs. */
async function fakedFor(
  { kind, folder, programs: { path } }: SandboxPlace,
  { rootView, inImage, ownPrograms }: Needs,
  { owner }: ScriptOptions,
): Promise<FakedOwners | undefined> {
  if (!rootView || kind === "root" || (kind === "ids" && ownPrograms)) return undefined;
  const program = await fakerootProgram(path);
  if (program === undefined) return undefined;
  const capable = (await absent(["getcap", "setcap"], path)).length === 0;
  const otherwise = inImage ? ROOT : owner;
  return new FakedOwners({ program, folder: join(folder, "state"), capable, otherwise });
}
