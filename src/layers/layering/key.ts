/** What a component is called from one version of an image to the next: its key. */
import { type Component, isInstalled, type ReferencesGraph } from "#graph";

/** The hash that a store path's name begins with, in Nix' base 32. */
const STORE_HASH = /^[0-9a-df-np-sv-z]{32}-/;

/** Outputs of a package as nixpkgs names them; they come after the version and stay when it changes. */
const OUTPUTS =
  /-(?:bin|cc|data|debug|dev|devdoc|devman|dist|doc|info|lib|libgcc|man|modules|out|py|share|static|terminfo|tools)$/;

/**
 * Each component's key, by id; no two are the same.
 *
 * A key is the name without hash and version, so that it stays when they change. Components whose keys would be the same
 * all get the version as well, and if that isn't enough the hash, too.
 *
 * - Of a store path, the name is what follows the hash in its last part. The version begins as Nix has it
 *   (`builtins.parseDrvName`): after the first dash that no letter follows. An output's name at the end is no part of it:
 *   `…-openssl-3.0.12-dev` has the key `openssl-dev`.
 * - Of an npm package it is the package's name, then with `@` and its version, then its id. The key of a
 *   component without a name is its id.
 */
export function keysOf(graph: ReferencesGraph): Map<string, string> {
  const candidates = new Map(
    [...graph.components.values()].map((component) => [component.id, namesOf(component)]),
  );
  const level = new Map([...candidates.keys()].map((id) => [id, 0]));
  // A longer key may equal another component's shorter one, so this takes up to as many rounds as there are levels.
  for (;;) {
    const holders = new Map<string, string[]>();
    for (const [id, names] of candidates) {
      const key = names[level.get(id)!]!;
      const others = holders.get(key);
      if (others === undefined) holders.set(key, [id]);
      else others.push(id);
    }
    const clashing = [...holders.values()].filter((ids) => ids.length > 1).flat();
    if (clashing.length === 0) return new Map([...holders].map(([key, [id]]) => [id!, key]));
    for (const id of clashing) level.set(id, Math.min(level.get(id)! + 1, candidates.get(id)!.length - 1));
  }
}

/**
 * What distinguishes one version of a component from another with the same key: the first 16 characters of a store path's
 * hash, or an npm package's version. Empty for a component that may change without showing it here, such as an npm
 * project's own files.
 */
export function versionOf({ id, version }: Component): string {
  if (id.startsWith("/")) {
    const base = id.slice(id.lastIndexOf("/") + 1);
    return STORE_HASH.test(base) ? base.slice(0, 16) : base;
  }
  return isInstalled(id) ? (version ?? "") : "";
}

/** The possible keys of a component, the shortest first; the last is its id, which is unique. */
function namesOf({ id, name, version }: Component): string[] {
  if (!id.startsWith("/")) return name === undefined ? [id] : [name, `${name}@${version ?? ""}`, `npm:${id}`];
  const base = id.slice(id.lastIndexOf("/") + 1);
  const named = base.replace(STORE_HASH, "");
  return [withoutVersion(named), named, `${named}-${base.slice(0, base.length - named.length)}`, id];
}

/** `glibc-2.38-44` is `glibc`, `openssl-3.0.12-dev` is `openssl-dev`, and `libX11` stays. */
function withoutVersion(name: string): string {
  const dash = name.search(/-[^A-Za-z]/);
  if (dash <= 0) return name;
  return name.slice(0, dash) + (OUTPUTS.exec(name.slice(dash))?.[0] ?? "");
}
