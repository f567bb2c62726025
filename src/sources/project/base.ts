/** What a project's image takes from its base, and what it says over that. */
import { posix } from "node:path";
import { VarveError } from "#errors";
import type { NodeCommand } from "./command/start.ts";

/** What matters of a base image's config. */
export interface BaseConfig {
  readonly Entrypoint?: readonly string[] | null;
  readonly Env?: readonly string[] | null;
  readonly User?: string | null;
}

/** Nobody's number: that of the user whom distroless images call nonroot. */
const NOBODY = "65532:65532";

/** The user `node` of Docker's official images, by number, since Kubernetes doesn't know who is root by names. */
const OFFICIAL_NODE_USER = "1000:1000";

/** Whether a base's entry point is Node.js itself, as that of distroless images is, so that it gets arguments only. */
export function startsNode(base: BaseConfig | undefined): boolean {
  const [program, ...rest] = base?.Entrypoint ?? [];
  const isNode = program !== undefined && /^node(?:js)?$/.test(posix.basename(program));
  return isNode && rest.every((word) => word.startsWith("-"));
}

/** The user that an image's containers run as, if the base's is root; undefined to leave it as it is. */
export function userFor(base: BaseConfig | undefined): string | undefined {
  const user = base?.User?.split(":", 1)[0] ?? "";
  if (user !== "" && user !== "root" && !/^0+$/.test(user)) return undefined;
  return isOfficial(base) ? OFFICIAL_NODE_USER : NOBODY;
}

function isOfficial(base: BaseConfig | undefined): boolean {
  const [program = ""] = base?.Entrypoint ?? [];
  return nodeVersion(base) !== undefined && posix.basename(program) === "docker-entrypoint.sh";
}

/** The line of Node.js that a base says it has. */
export function nodeMajor(base: BaseConfig | undefined): number | undefined {
  const version = nodeVersion(base);
  return version === undefined ? undefined : Number.parseInt(version, 10) || undefined;
}

/** What a base's environment says of a name. */
export function baseEnv(base: BaseConfig | undefined, name: string): string | undefined {
  return base?.Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The version of Node.js that a base says it has. */
function nodeVersion(base: BaseConfig | undefined): string | undefined {
  return baseEnv(base, "NODE_VERSION");
}

/**
 * Checks that Node.js runs a command's file as it is.
 * @param major the line of Node.js, where the base doesn't say its version
 * @throws VarveError `INVALID_SPEC` for a TypeScript file that it doesn't
 */
export function checkRuns(
  { file }: NodeCommand,
  { base, major }: { readonly base: BaseConfig | undefined; readonly major: number | undefined },
): void {
  if (!/\.[cm]?ts$/.test(file)) return;
  const version = nodeVersion(base);
  const [line, minor] = (version ?? "").split(".").map(Number);
  const strips =
    version === undefined
      ? major === undefined || major >= 22
      : line! >= 24 || (line === 23 && minor! >= 6) || (line === 22 && minor! >= 18);
  if (strips) return;
  throw new VarveError(
    "INVALID_SPEC",
    `the command runs ${file}, but Node.js ${version ?? major} runs no TypeScript; it takes 22.18 or newer, or JavaScript that was made of it`,
  );
}
