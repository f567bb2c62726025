/** What is looked for in texts, and in which files. */
import type { FileFacts, Found } from "./facts.ts";
import { cacheText } from "./loader-cache.ts";
import { keepsSecrets, lineAt, secretsIn } from "./secrets.ts";

/**
 * Files that somebody published for all: packages, a distribution's programs. They can hold nobody's own secrets but for those files
 * in which secrets are kept by name.
 */
const PUBLISHED =
  /(?:^|\/)(?:node_modules|nix\/store|gnu\/store)\/|^(?:usr|lib|lib32|lib64|libx32|bin|sbin|boot|var\/lib|var\/cache|nix)\//;

/** In bytes: longer texts are data. */
const MAX_OWN = 1024 * 1024;
const MAX_KEEPER = 64 * 1024;
const MAX_KEPT = 1024 * 1024;

/** The few files that say how programs are run. */
const KEPT =
  /^(?:etc\/passwd|etc\/group|etc\/ld\.so\.cache|etc\/ld\.so\.conf|etc\/ld\.so\.conf\.d\/[^/]+\.conf|etc\/ld-musl-[^/]+\.path)$/;

/** Whether something is looked for in a file. */
export function isWantedText(name: string, size: number): boolean {
  if (KEPT.test(name)) return size <= MAX_KEPT;
  if (keepsSecrets(name) && size <= MAX_KEEPER) return true;
  return size <= MAX_OWN && !PUBLISHED.test(name);
}

const HOME = /\/(?:home|Users)\/[A-Za-z0-9._-]+/g;
const STORE = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+._?=-]+/g;

/** More aren't told of one file. */
const MOST = 10;

/** What there is in a text. */
export function textFacts(name: string, bytes: Buffer): FileFacts {
  if (name === "etc/ld.so.cache") return { text: cacheText(bytes) };
  const text = bytes.toString("latin1");
  if (KEPT.test(name)) return { text };
  // A program's own data, or a picture.
  if (text.includes("\0")) return {};
  const secrets = secretsIn(text, name);
  const homes = distinct(text, HOME);
  const stores = distinct(text, STORE);
  const engines = /(?:^|\/)package\.json$/.test(name) ? enginesOf(bytes) : undefined;
  return {
    ...(secrets.length > 0 && { secrets }),
    ...(homes.length > 0 && { homes }),
    ...(stores.length > 0 && { stores }),
    ...(engines !== undefined && { engines }),
  };
}

/** Each match once, with its first line. */
function distinct(text: string, shape: RegExp): Found[] {
  const found = new Map<string, number>();
  for (const { 0: match, index } of text.matchAll(shape)) {
    if (found.size === MOST) break;
    if (!found.has(match)) found.set(match, lineAt(text, index));
  }
  return [...found];
}

function enginesOf(bytes: Buffer): string | undefined {
  try {
    const range = JSON.parse(bytes.toString())?.engines?.node;
    return typeof range === "string" ? range : undefined;
  } catch {
    return undefined;
  }
}
