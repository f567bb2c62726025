import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/**
 * Finds a program as a shell does.
 * @param path folders separated by colons; those that aren't absolute are ignored
 * @returns its absolute path; undefined if no folder has it
 */
export async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(":").filter(isAbsolute)) {
    const program = join(folder, name);
    const isThere = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  return undefined;
}

/** The programs that are in none of the folders in `path`. */
export async function absent(programs: readonly string[], path: string): Promise<string[]> {
  const found = await Promise.all(programs.map((program) => findProgram(program, path)));
  return programs.filter((_, index) => found[index] === undefined);
}
