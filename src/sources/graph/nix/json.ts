import { VarveError } from "#errors";
import { isObject, type JsonObject } from "../file.ts";
import type { Component } from "../references-graph.ts";
import { checkStorePath } from "./path.ts";

/**
 * Reads the JSON forms in which Nix gives a references graph:
 * - a list of `{path, references, narSize?, narHash?}`, as structured attributes and `closureInfo` have it, and as
 *   `nix path-info --json` prints it up to Nix 2.18 (there with `valid`);
 * - an object that holds such a list under a key;
 * - an object from path to info or null, which `nix path-info --json` prints from Nix 2.19 (`--json-format 1`);
 * - the same within `{version, storeDir, info}`, paths without their store dir (`--json-format 2`).
 *
 * @param key - where in the object the list is; only needed if there are several.
 * @throws {VarveError} INVALID_GRAPH naming the file and the entry that is wrong.
 */
export function parseNixJson(file: string, value: unknown, key?: string): Component[] {
  const reader = new Reader(file);
  if (key !== undefined) return reader.underKey(value, key);
  if (Array.isArray(value)) return reader.list(value);
  if (!isObject(value)) return reader.fail("it is neither a list nor an object");
  return reader.pathInfo(value) ?? reader.list(reader.onlyList(value));
}

/** Reads one file, whose name is in each of its messages. */
class Reader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  fail(problem: string): never {
    throw new VarveError("INVALID_GRAPH", `${this.#file} is not a references graph: ${problem}`);
  }

  underKey(value: unknown, key: string): Component[] {
    const found = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (Array.isArray(found)) return this.list(found);
    const pathInfo = isObject(found) ? this.pathInfo(found) : undefined;
    return pathInfo ?? this.fail(`it has no list under the key ${JSON.stringify(key)}`);
  }

  /** The only list of the object that can be a graph; lists of strings and the like don't count. */
  onlyList(value: JsonObject): unknown[] {
    const lists = Object.entries(value).filter((entry): entry is [string, unknown[]] =>
      Array.isArray(entry[1]),
    );
    const graphs = lists.filter(([, list]) => isObject(list[0]) && "references" in list[0]);
    const candidates = graphs.length > 0 ? graphs : lists;
    const [first, ...others] = candidates;
    if (first === undefined) return this.fail("it is an object that holds no list of paths and references");
    if (others.length > 0) {
      const keys = candidates.map(([key]) => key).join(", ");
      return this.fail(`it holds several lists (${keys}); choose one with --key`);
    }
    return first[1];
  }

  list(entries: readonly unknown[]): Component[] {
    return entries.map((entry, at) => {
      const number = `entry ${at + 1} of its list`;
      if (!isObject(entry)) return this.fail(`${number} is not an object`);
      if (typeof entry["path"] !== "string") return this.fail(`${number} has no "path" that is a string`);
      const path = this.#path(entry["path"], {
        where: `the "path" of ${number}`,
        storeDir: entry["storeDir"],
      });
      if (entry["valid"] === false) return this.#invalidPath(path);
      return this.#component(path, entry);
    });
  }

  /** The components of an object from path to info, or undefined if the object isn't one. */
  pathInfo(value: JsonObject): Component[] | undefined {
    const wrapped = isObject(value["info"]) && ("storeDir" in value || "version" in value);
    const infos = Object.entries(wrapped ? (value["info"] as JsonObject) : value);
    const isInfo = (entry: unknown) => entry === null || (isObject(entry) && "references" in entry);
    if (!wrapped && !infos.every(([path, info]) => isInfo(info) && (path.startsWith("/") || info !== null))) {
      return undefined;
    }
    return infos.map(([name, info]) => {
      const inner = isObject(info) ? info : {};
      const storeDir = inner["storeDir"] ?? value["storeDir"];
      const path = this.#path(name, { where: "a key", storeDir });
      if (info === null) return this.#invalidPath(path);
      if (!isObject(info)) return this.fail(`what it says of ${path} is not an object`);
      return this.#component(path, { storeDir, ...info });
    });
  }

  #invalidPath(path: string): never {
    return this.fail(
      `Nix says that ${path} is not in its store; build or fetch it and write the graph again`,
    );
  }

  #component(path: string, info: JsonObject): Component {
    const { references, narSize, storeDir } = info;
    if (!Array.isArray(references) || !references.every((reference) => typeof reference === "string")) {
      return this.fail(`the "references" of ${path} are not a list of strings`);
    }
    if (narSize !== undefined && !(Number.isSafeInteger(narSize) && (narSize as number) >= 0)) {
      return this.fail(`the "narSize" of ${path} is not a number of bytes`);
    }
    const narHash = this.#narHash(path, info["narHash"]);
    return {
      id: path,
      path,
      references: references.map((reference) =>
        this.#path(reference, { where: `a reference of ${path}`, storeDir }),
      ),
      ...(narSize === undefined ? {} : { narSize: narSize as number }),
      ...(narHash === undefined ? {} : { narHash }),
    };
  }

  /** An absolute path, its store dir put before it where the form leaves that out. */
  #path(name: string, { where, storeDir }: { where: string; storeDir: unknown }): string {
    const isBaseName = !name.includes("/") && name !== "" && typeof storeDir === "string";
    const path = isBaseName ? `${storeDir}/${name}` : name;
    const problem = checkStorePath(path);
    return problem === undefined ? path : this.fail(`${where} should be an absolute path but ${problem}`);
  }

  /** A hash is a string; some Nix versions write `{algorithm, format, hash}`. */
  #narHash(path: string, value: unknown): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    const { algorithm, format, hash } = isObject(value) ? value : {};
    if (typeof algorithm !== "string" || typeof hash !== "string") {
      return this.fail(`the "narHash" of ${path} is not a hash`);
    }
    return format === "base64" ? `${algorithm}-${hash}` : `${algorithm}:${hash}`;
  }
}
