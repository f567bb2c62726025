/** The phases of a layer's making, and how the sandbox's program is told of them. */
import type { ScriptName, UnionKind } from "./types.ts";

/** Folders of the work folder with a tree in them: what is below the layer, what is in it, or a copy of both. */
export type Tree = "lower" | "upper" | "image";

/** An image that is shown: as a union with the layer, or as a copy. */
export interface ShownImage {
  readonly folder: Tree;
  readonly union: UnionKind;
}

/** What only programs of the machine do. */
export type ToolPhase =
  /** Tells the ids that there are, and the first of the unions that works. */
  | { readonly name: "probe"; readonly unions: readonly UnionKind[]; readonly faked: string | undefined }
  /** Unpacks an archive from stdin. */
  | { readonly name: "extract"; readonly folder: Tree; readonly sameOwner: boolean }
  /** Gives the layer to an owner. */
  | { readonly name: "own"; readonly uid: number; readonly gid: number }
  /** Makes the folders of the image that something is mounted on. */
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

/** A script that is in the work folder already. */
export interface ScriptPhase {
  readonly name: "script";
  readonly script: ScriptName;
  readonly place: ScriptPlace;
  /** The default shell when left out. */
  readonly shell: string | undefined;
  readonly argument: string | undefined;
  readonly network: boolean;
  readonly visible: readonly string[];
  /** `NAME=VALUE` each. */
  readonly environment: readonly string[];
}

export type Phase = ToolPhase | ScriptPhase;

/** What the program's text calls `V_…`, without that. */
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
