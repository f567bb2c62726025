/** Debian's packages: deb-control(5), and the status file of dpkg(1). */
import { realPathIn } from "../real-path.ts";
import { type Paragraph, paragraphsOf } from "./control.ts";
import { copyrightLicence } from "./copyright.ts";
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

const STATUS = "var/lib/dpkg/status";
const DISTROLESS = /^var\/lib\/dpkg\/status\.d\/[^/]+$/;
const COPYRIGHT = /^usr\/share\/doc\/[^/]+\/copyright$/;

/** Whether a path has something of Debian's packages. */
export function isDpkgPart(path: string): boolean {
  return path === STATUS || COPYRIGHT.test(path) || (DISTROLESS.test(path) && !path.endsWith(".md5sums"));
}

/** Debian's packages that are installed. */
export function dpkgPackages(root: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, Paragraph][] = [];
  const take = (stanza: Paragraph, from: string) => {
    const made = packageOf(stanza, { root, from });
    if (made !== undefined) found.push([made, stanza]);
  };
  for (const stanza of paragraphsOf(root.text(STATUS))) {
    // What was removed may still be in the list.
    if (/ installed$/.test(stanza["status"] ?? " installed")) take(stanza, STATUS);
  }
  for (const path of root.paths.filter((path) => DISTROLESS.test(path) && isDpkgPart(path))) {
    const [stanza] = paragraphsOf(root.text(path));
    if (stanza !== undefined) take(stanza, path);
  }
  return resolved(found);
}

function packageOf(
  stanza: Paragraph,
  { root, from }: { root: InventoryRoot; from: string },
): Unresolved | undefined {
  const name = lineIn(stanza["package"]);
  const version = lineIn(stanza["version"]) ?? "";
  if (name === undefined || /\s|\//.test(name)) return undefined;
  const architecture = lineIn(stanza["architecture"]);
  const id = `dpkg:${name}${architecture === undefined ? "" : `:${architecture}`}`;
  const lists = [`${name}:${architecture}`, name].map((each) => `var/lib/dpkg/info/${each}.list`);
  const copyright = realPathIn(root.tree, `usr/share/doc/${name}/copyright`);
  return {
    ...{ id, kind: "deb", name, version, layer: layerOf(root.tree, ...lists, from) },
    ...fields({
      architecture,
      source: sourceOf(stanza["source"], name),
      licence: copyright === undefined ? undefined : copyrightLicence(root.text(copyright)),
      supplier: lineIn(stanza["maintainer"]),
    }),
  };
}

/** `NAME` or `NAME (VERSION)`; absent if it is the same as the package's. */
function sourceOf(text: string | undefined, own: string): FoundPackage["source"] {
  const [, name, version] = /^(\S+)(?:\s+\(([^)\s]+)\))?$/.exec(text?.trim() ?? "") ?? [];
  if (name === undefined || (name === own && version === undefined)) return undefined;
  return { name, ...(version !== undefined && { version }) };
}

function resolved(found: readonly [Unresolved, Paragraph][]): FoundPackage[] {
  const byName = new Map<string, Unresolved[]>();
  const providers = new Map<string, Unresolved[]>();
  const add = (map: Map<string, Unresolved[]>, name: string, made: Unresolved) =>
    map.set(name, [...(map.get(name) ?? []), made]);
  for (const [made, stanza] of found) {
    add(byName, made.name, made);
    for (const [name] of namesIn(stanza["provides"])) add(providers, name!, made);
  }
  return found.map(([made, stanza]) => {
    const needed = ["pre-depends", "depends"].flatMap((field) => namesIn(stanza[field]));
    const needs = needed.flatMap((names) => {
      const all = names.flatMap((name) => byName.get(name) ?? []);
      const others = all.length > 0 ? all : names.flatMap((name) => providers.get(name) ?? []);
      const [chosen] = [
        others.find(({ architecture }) => architecture === made.architecture),
        ...others,
      ].filter((each) => each !== undefined);
      return chosen === undefined ? [] : [chosen.id];
    });
    return { ...made, needs };
  });
}

/** The names of what is listed, each with those that will do in its place. */
function namesIn(list = ""): string[][] {
  return list
    .split(",")
    .map((alternatives) =>
      alternatives
        .split("|")
        .map((each) => /^\s*([^\s:(<[]+)/.exec(each)?.[1] ?? "")
        .filter((name) => name !== ""),
    )
    .filter((names) => names.length > 0);
}
