/** The phases in which a layer is made, and how they are passed to the sandbox's program. */
import type { ScriptName, UnionKind } from "./types.ts";

/** Folders in the work folder that have a tree in them: what is below the layer, the layer itself, or a copy of both. */
export type Tree = "lower" | "upper" | "image";

/** How scripts see the image: as a union with the layer, or as a copy. */
export interface ShownImage {
  readonly folder: Tree;
  readonly union: UnionKind;
}

/** Phases in which only the machine's own programs run. */
export type ToolPhase =
  /** Reports which ids there are, and the first of the unions that works. */
  | { readonly name: "probe"; readonly unions: readonly UnionKind[]; readonly faked: string | undefined }
  /** Unpacks an archive from stdin. */
  | { readonly name: "extract"; readonly folder: Tree; readonly sameOwner: boolean }
  /** Gives the layer to an owner. */
  | { readonly name: "own"; readonly uid: number; readonly gid: number }
  /** Makes the folders in the image on which something is mounted. */
  | ({ readonly name: "points" } & ShownImage)
  /** `apply` puts the layer on the image's copy; `renew` removes all but an empty layer; `clean` removes everything. */
  | { readonly name: "apply" | "renew" | "clean" }
  | { readonly name: "list"; readonly folder: Tree }
  /** Packs the names from stdin into an archive. */
  | { readonly name: "pack"; readonly folder: Tree; readonly faked: string | undefined };

/** Where a script runs: as the caller or with root's view in the layer's folder, or in the image. */
export type ScriptPlace =
  | { readonly name: "caller"; readonly ids: string | undefined }
  | { readonly name: "root"; readonly faked: string | undefined }
  | ({ readonly name: "image"; readonly faked: string | undefined } & ShownImage);

/** A script, whose text is in the work folder already. */
export interface ScriptPhase {
  readonly name: "script";
  readonly script: ScriptName;
  readonly place: ScriptPlace;
  /** The default shell if left out. */
  readonly shell: string | undefined;
  readonly argument: string | undefined;
  readonly network: boolean;
  readonly visible: readonly string[];
  /** Each is `NAME=VALUE`. */
  readonly environment: readonly string[];
}

export type Phase = ToolPhase | ScriptPhase;

/** The variables that the program's text calls `V_…`, without that prefix. */
export function variablesOf(phase: Phase): Readonly<Record<string, string>> {
  const { name } = phase;
  switch (name) {
    case "probe":
      return { PHASE: name, UNIONS: phase.unions.join(" "), FAKED: phase.faked ?? "" };
    case "extract":
      return {
        PHASE: name,
        FOLDER: phase.folder,
        OWNER: phase.sameOwner ? "--same-owner" : "--no-same-owner",
      };
    case "own":
      return { PHASE: name, UID: String(phase.uid), GID: String(phase.gid) };
    case "points":
      return { PHASE: name, FOLDER: phase.folder, UNION: phase.union };
    case "list":
      return { PHASE: name, FOLDER: phase.folder };
    case "pack":
      return { PHASE: name, FOLDER: phase.folder, FAKED: phase.faked ?? "" };
    case "script":
      return {
        ...variablesOfPlace(phase.place),
        NAME: phase.script,
        SHELL: phase.shell ?? "",
        ARGUMENT: phase.argument ?? "",
        NETWORK: phase.network ? "1" : "",
        VISIBLE: phase.visible.map((shown) => `${shown}\n`).join(""),
      };
    default:
      return { PHASE: name };
  }
}

function variablesOfPlace(place: ScriptPlace): Readonly<Record<string, string>> {
  switch (place.name) {
    case "caller":
      return { PHASE: place.name, CALLER: place.ids ?? "" };
    case "root":
      return { PHASE: place.name, FAKED: place.faked ?? "" };
    case "image":
      return { PHASE: place.name, FOLDER: place.folder, UNION: place.union, FAKED: place.faked ?? "" };
  }
}
