/** What a loader would complain about, in words. */
import type { Fault } from "../findings.ts";
import type { LoadFault } from "../libraries/load.ts";
import type { Loader } from "../libraries/loaders.ts";

export function faultOf(
  fault: LoadFault,
  { loader, severity }: { loader: Loader; severity: Fault["severity"] },
): Fault {
  const path = fault.by;
  if (fault.kind === "library") {
    const message =
      fault.elsewhere === "broken"
        ? `it needs ${fault.name}, and what is there under that name is no library`
        : `it needs ${fault.name}, which is nowhere that ${loader.path} looks for it`;
    return { code: "missing-library", severity, path, subject: fault.name, message };
  }
  const { version, library } = fault;
  const [prefix] = version.split(/_(?=\d)/);
  const newest = fault.has
    .filter((each) => each.startsWith(`${prefix}_`) && /_\d/.test(each))
    .sort(byVersion)
    .at(-1);
  const upTo = newest === undefined ? "" : `, which has no newer than ${newest}`;
  const isOlder = newest !== undefined && byVersion(newest, version) < 0;
  const message = `it needs ${version} of ${library}${isOlder ? upTo : ", which doesn't have it"}`;
  return { code: "missing-version", severity, path, subject: version, message };
}

function byVersion(a: string, b: string): number {
  const [left, right] = [a, b].map((text) =>
    text
      .slice(text.lastIndexOf("_") + 1)
      .split(".")
      .map(Number),
  );
  for (let at = 0; at < Math.max(left!.length, right!.length); at++) {
    const difference = (left![at] ?? 0) - (right![at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The addon interfaces (NODE_MODULE_VERSION) of Node.js's lines. */
const LINES: Readonly<Record<number, number>> = { 93: 16, 108: 18, 115: 20, 127: 22, 137: 24, 147: 26 };

/** An addon interface, with the Node.js that has it, where that is known. */
export function addonInterface(version: number): string {
  const line = LINES[version];
  return line === undefined ? String(version) : `${version} (Node.js ${line})`;
}
