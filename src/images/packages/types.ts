import type { RootEntry, RootTree } from "#flatten";
import type { Claims } from "./claims.ts";

/** A package that something in an image's root says is installed there. */
export interface InstalledPackage {
  /** `dpkg:libc6:amd64`, `apk:musl`, `rpm:bash`, `python:FOLDER/NAME`; of a Node package its path. */
  readonly id: string;
  /** Empty where nothing says it. */
  readonly version: string;
  /** A Node package's name. */
  readonly name?: string;
  /** Where a Node package's sources are, as it says. */
  readonly repository?: string;
}

/** Reads a file of the root; undefined for what is too large, or can't be read any more. */
export type ReadEntry = (entry: RootEntry) => Promise<Buffer | undefined>;

/** What the readers of package databases work with. */
export interface Reading {
  readonly tree: RootTree;
  /** The files that look like a part of a database, by path, in the order of paths. */
  readonly files: ReadonlyMap<string, RootEntry>;
  /** The bytes of a file; undefined if they can't be had. */
  bytes(path: string): Promise<Buffer | undefined>;
  /** The text of a file, with bytes that aren't UTF-8 as `util/names` holds them; empty if it can't be had. */
  text(path: string): Promise<string>;
  readonly claims: Claims;
  readonly packages: Map<string, InstalledPackage>;
}

/** A version that can be shown; anything else counts as none. */
export function versionIn(text: unknown): string {
  return typeof text === "string" && /^[\x21-\x7e]{1,100}$/.test(text) ? text : "";
}
