/**
 * The layout of a Node project's image as its manifest has it: with hashes instead of names. It goes with every
 * push, however little has changed, and may have a thousand packages.
 */
import { createHash } from "node:crypto";
import { VarveError } from "#errors";
import type { Component, ReferencesGraph } from "#graph";
import { compareNames } from "#util";
import { keysOf, versionOf } from "./key.ts";

/**
 * How many characters of a hash in base64url stand for a layer, a key, and a component's state: 36, 18 and 6 bits. Two keys with
 * one hash come into one layer and stay there; a state that is taken for another makes an estimate a little wrong. Only what
 * stands for a layer says whether it would be sent.
 */
const [LAYER, KEY, STATE] = [6, 3, 1] as const;

/** What stands for a state that shows nothing of what is in a component. */
const NO_STATE = ".";

const FORM = new RegExp(`^([\\w-]{${LAYER}})?:((?:[\\w-]{${KEY}}[\\w.-]{${STATE}})*)$`);

/** A layer of the last build, by hashes. */
export interface ShortLayer {
  /** Of all its components together; undefined if it may have changed without a sign. */
  readonly hash: string | undefined;
  /** The hashes of its components' states by those of their keys; the state is empty where it shows nothing. */
  readonly states: ReadonlyMap<string, string>;
}

/** The text for a layer of these components, and what {@link parseShortLayer} makes of it. */
export function shortLayer(ids: readonly string[], graph: ReferencesGraph, keys = keysOf(graph)): string {
  const entries = ids
    .map((id) => keyHash(keys.get(id)!) + (stateHash(graph.components.get(id)!) || NO_STATE))
    .sort(compareNames);
  return `${layerHash(ids, graph) ?? ""}:${entries.join("")}`;
}

/** @throws VarveError `INVALID_LAYOUT` */
export function parseShortLayer(text: string, what: string): ShortLayer {
  const [, hash, entries] = FORM.exec(text) ?? [];
  if (entries === undefined) {
    throw new VarveError("INVALID_LAYOUT", `${what} has a layer that isn't as varve writes it`);
  }
  const states = new Map<string, string>();
  for (let at = 0; at < entries.length; at += KEY + STATE) {
    const state = entries.slice(at + KEY, at + KEY + STATE);
    states.set(entries.slice(at, at + KEY), state === NO_STATE ? "" : state);
  }
  return { hash, states };
}

/** What stands for a key. */
export function keyHash(key: string): string {
  return hashed(key, KEY);
}

/** What stands for a component's place and version; empty if it may change without a sign. */
export function stateHash(component: Component): string {
  const version = versionOf(component);
  return version === "" ? "" : hashed(JSON.stringify([component.id, version]), STATE);
}

/** What stands for a layer of these components, packed in this order; undefined if one of them may change without a sign. */
export function layerHash(ids: readonly string[], { components }: ReferencesGraph): string | undefined {
  const parts = ids.map((id) => [id, versionOf(components.get(id)!)] as const);
  if (parts.some(([, version]) => version === "")) return undefined;
  return hashed(JSON.stringify(parts), LAYER);
}

function hashed(text: string, length: number): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, length);
}
