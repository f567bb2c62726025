/**
 * The image's history says which components a layer has, as with dockerTools: the comment of the layer's entry is
 * `store paths: ` and a list. Node packages are called that, and of many there are a number and an example, since a config is sent
 * with every change, and where a package is says enough about it.
 */

import type { Image } from "./image.ts";

const STORE_PATHS = "store paths: ";
const PACKAGES = "packages: ";
const MANY_PACKAGES = /^(\d+) packages, such as (.*)$/s;

/** So many Node packages are listed. */
const MAX_LISTED = 3;

/** The comment for a layer of these components. */
export function componentsComment(components: readonly string[]): string {
  const listed = listedComponents(components);
  if (listed.length === components.length) {
    return (arePackages(components) ? PACKAGES : STORE_PATHS) + JSON.stringify(components);
  }
  return `${components.length} packages, such as ${components[0]}`;
}

/** Those of a layer's components that its comment lists: all, or none of many packages. */
export function listedComponents(components: readonly string[]): readonly string[] {
  return arePackages(components) && components.length > MAX_LISTED ? [] : components;
}

/** Whether components are those of a Node project, and not store paths. */
export function arePackages(components: readonly string[]): boolean {
  return components.length > 0 && !components.some((id) => id.startsWith("/"));
}

/** What an image says of a layer's components. */
export interface ComponentSummary {
  /** How many there are; 0 where it says nothing. */
  readonly count: number;
  /** One of them, the first that is listed. */
  readonly example: string | undefined;
}

/** What an image says of the components of each of its layers, be they listed or only counted. */
export function componentSummaries({ layers, config }: Pick<Image, "layers" | "config">): ComponentSummary[] {
  const entries = (config.value.history ?? []).filter((entry) => entry.empty_layer !== true);
  return layers.map(({ components }, at) => {
    const [, count = 0, example] = MANY_PACKAGES.exec(entries[at]?.comment ?? "") ?? [];
    return { count: Math.max(components.length, Number(count)), example: components[0] ?? example };
  });
}

/** How many layers are below the first of which an image says that it has components; undefined if it says so of none. */
export function layersBelowComponents(image: Pick<Image, "layers" | "config">): number | undefined {
  const first = componentSummaries(image).findIndex(({ count }) => count > 0);
  return first === -1 ? undefined : first;
}

/** An escape in such a string: a code point in hexadecimal digits, or a character after a backslash. */
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(.))/gs;
const CONTROLS: Partial<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** The components that a comment lists; empty for any other comment. */
export function componentsOf(comment: string | null | undefined): readonly string[] {
  const prefix = [STORE_PATHS, PACKAGES].find((each) => comment?.startsWith(each));
  if (prefix === undefined) return [];
  return [...stringsIn(comment!, prefix.length)].map((text) => text.replace(ESCAPE, unescaped));
}

/**
 * The strings of a list, in double quotes as JSON writes them, or in single quotes as Python does. (Written by
 * hand, since a regular expression takes hours for a comment with many unclosed quotes.)
 */
function* stringsIn(text: string, start: number): Generator<string, void, void> {
  for (let at = start; at < text.length; at++) {
    const quote = text[at];
    if (quote !== '"' && quote !== "'") continue;
    const from = ++at;
    while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
    if (at >= text.length) return;
    yield text.slice(from, at);
  }
}

function unescaped(all: string, short?: string, byte?: string, long?: string, character = ""): string {
  const digits = short ?? byte ?? long;
  if (digits === undefined) return CONTROLS[character] ?? character;
  const code = Number.parseInt(digits, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : all;
}
