import { VarveError } from "#errors";
import type { Component } from "../references-graph.ts";
import { checkStorePath } from "./path.ts";

/**
 * Reads the text form of `exportReferencesGraph`: for each path its own line, its deriver's line (mostly empty), the
 * number of its references on a line, and a line for each. The registration form of `closureInfo` and
 * `nix-store --dump-db`, which has two more lines with the NAR's hash and size after the path, is read as well.
 *
 * @throws {VarveError} INVALID_GRAPH naming the line that is wrong.
 */
export function parseReferencesText(file: string, text: string): Component[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let at = 0;

  const fail = (what: string): never => {
    throw new VarveError("INVALID_GRAPH", `${file} is not a references graph: line ${at}: ${what}`);
  };
  const take = (what: string): string => lines[at++] ?? fail(`the file ends where ${what} should be`);
  const takePath = (what: string): string => {
    const path = take(what);
    const problem = checkStorePath(path);
    return problem === undefined ? path : fail(`${what} should be an absolute path but ${problem}`);
  };
  const takeCount = (what: string): number => {
    const line = take(what);
    const count = Number(line);
    return /^\d+$/.test(line) && Number.isSafeInteger(count) ? count : fail(`${what} should be a number`);
  };

  const components: Component[] = [];
  while (at < lines.length) {
    const path = takePath("a path");
    const second = take("a deriver");
    const hasHash = second !== "" && !second.startsWith("/");
    const nar = hasHash ? { narHash: narHashOf(second), narSize: takeCount("a NAR size") } : {};
    if (hasHash) take("a deriver");
    const count = takeCount("the number of references");
    if (count > lines.length - at) fail(`it announces ${count} references, but the file ends before them`);
    const references = Array.from({ length: count }, () => takePath("a reference"));
    components.push({ id: path, path, references, ...nar });
  }
  return components;
}

/** This form writes a SHA-256 without saying so. */
function narHashOf(line: string): string {
  return line.includes(":") || line.includes("-") ? line : `sha256:${line}`;
}
