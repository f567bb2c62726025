/** The door to files with targets, whose schema nobody else needs to load. */
import type { BakeFileOptions, FileTargets } from "./bake-file.ts";

/** The name of a file with targets in a folder. */
export const BAKE_FILE = "varve.bake.json";

/**
 * Reads a file with targets: JSON, in which there may be comments and trailing commas.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`; `INVALID_SPEC`; `USAGE` for names and values that fit nothing
 */
export async function readBakeFile(path: string, options: BakeFileOptions = {}): Promise<FileTargets> {
  const { readTargets } = await import("./bake-file.ts");
  return await readTargets(path, options);
}

/** The JSON Schema of files with targets, for editors. */
export async function bakeJsonSchema(): Promise<object> {
  const { jsonSchema } = await import("./bake-file.ts");
  return jsonSchema();
}
