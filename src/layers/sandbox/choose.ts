/** Finds out which ways of making a sandbox this machine has. */
import { VarveError } from "#errors";
import { fakerootProgram } from "./faked.ts";
import { type PhaseEnd, runPhase, type SandboxPlace } from "./process.ts";
import { absent } from "./programs.ts";
import type { SandboxKind, ScriptName, ScriptSteps, UnionKind } from "./types.ts";

export interface Needs {
  /** Whether some script has root's view of owners. */
  readonly rootView: boolean;
  /** Whether a script runs in the image, so that the layer has to be shown on top of a base. */
  readonly inImage: boolean;
  /** Whether a script with root's view runs programs of the layer or the image. */
  readonly ownPrograms: boolean;
}

/** What a layer's scripts need from a sandbox. */
export function needsOf({ runAsRoot, fakeRootCommands, enableFakechroot = false }: ScriptSteps): Needs {
  const inImage = runAsRoot !== undefined;
  return {
    inImage,
    rootView: inImage || fakeRootCommands !== undefined,
    ownPrograms: inImage || enableFakechroot,
  };
}

export interface Chosen {
  readonly kind: SandboxKind;
  readonly union: UnionKind;
  /** Ids below this can be used inside. */
  readonly ids: number;
}

export interface ChoiceOptions {
  readonly sandboxes: readonly SandboxKind[];
  readonly unions: readonly UnionKind[];
}

/**
 * Finds the first way that works on this machine and is enough for the scripts.
 * @throws VarveError `SANDBOX_UNAVAILABLE`, which says what each way lacks
 */
export async function chooseSandbox(
  place: Omit<SandboxPlace, "kind">,
  needs: Needs,
  options: ChoiceOptions,
): Promise<Chosen> {
  const { missing } = place.programs;
  if (missing.length > 0) {
    throw new VarveError(
      "SANDBOX_UNAVAILABLE",
      `scripts need ${missing.join(", ")}, which can't be found; install util-linux, GNU tar and findutils`,
    );
  }
  const obstacles: string[] = [];
  for (const kind of options.sandboxes) {
    const obstacle = await obstacleTo(kind, needs, place.programs.path);
    if (obstacle !== undefined) {
      obstacles.push(obstacle);
      continue;
    }
    // fakeroot knows a file by its inode, and in a union a changed file may get another one.
    const unions = options.unions.filter((union) => kind !== "single" || union === "copy");
    const end = await runPhase(
      { ...place, kind },
      {
        name: "probe",
        unions: needs.inImage ? unions : [],
        faked: kind === "single" && needs.rootView ? await fakerootProgram(place.programs.path) : undefined,
      },
    );
    const said = (what: string) =>
      end.messages.find((message) => message.startsWith(`varve:${what} `))?.slice(`varve:${what} `.length);
    const ids = Number(said("ids") ?? 0);
    const union = said("union") as UnionKind | undefined;
    if (end.status !== 0) obstacles.push(`${NAMES[kind]} fails (${lastMessage(end)})`);
    else if (needs.inImage && union === undefined)
      obstacles.push(`${NAMES[kind]} has no ${unions.join(" or ") || "copy"}`);
    else if (kind === "ids" && ids < 2)
      obstacles.push("the user has no range of ids in /etc/subuid and /etc/subgid");
    else return { kind, union: union ?? "copy", ids };
  }
  throw new VarveError(
    "SANDBOX_UNAVAILABLE",
    `this machine has no sandbox for the layer's scripts: ${obstacles.join("; ")}; provide one of these`,
  );
}

const NAMES: Record<SandboxKind, string> = {
  root: "root with its own namespaces",
  ids: "a user namespace with the ids of /etc/subuid (newuidmap)",
  single: "a user namespace of one id",
};

async function obstacleTo(kind: SandboxKind, needs: Needs, path: string): Promise<string | undefined> {
  if (kind === "root" && process.getuid?.() !== 0) return "the user is not root";
  if (kind === "ids" && (await absent(["newuidmap", "newgidmap"], path)).length > 0) {
    return "newuidmap and newgidmap (uidmap) are not installed";
  }
  if (kind === "single" && needs.rootView && (await fakerootProgram(path)) === undefined) {
    return "fakeroot is not installed";
  }
  return undefined;
}

/** What a phase's programs said last, for the end of a sentence. */
export function lastMessage({ messages, status }: PhaseEnd): string {
  const said = messages.filter((message) => !message.startsWith("varve:"));
  return said.at(-1) ?? `status ${status}`;
}

/** Says what went wrong with a script that failed or wasn't even started. */
export function scriptError(name: ScriptName, end: PhaseEnd): VarveError {
  if (!end.started) return new VarveError("SANDBOX_UNAVAILABLE", `cannot run ${name}: ${lastMessage(end)}`);
  const where = end.line === undefined ? "" : ` in line ${end.line}`;
  const hint =
    end.status === 127 && end.line === undefined
      ? ", which a shell that isn't there gives, too"
      : end.messages.includes("varve:unreached")
        ? ", in a sandbox of one id where fakeroot doesn't reach its shell, so that nothing can be given to others than root"
        : "";
  return new VarveError(
    "SCRIPT_FAILED",
    `${name} failed${where} with status ${end.status}${hint}; see what it wrote before`,
  );
}
