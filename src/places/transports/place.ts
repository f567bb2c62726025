/** Reads the names of places, as Podman and skopeo use them: containers-transports(5). */
import { stat } from "node:fs/promises";
import { VarveError } from "#errors";
import { recogniseImage } from "#formats";
import { parseReference, type Reference } from "#oci";
import { looksLikePath, nearest, type SpoolLimit } from "#util";

/** Where an image is, or is to be. */
export type Place =
  | {
      readonly transport: "docker-archive" | "oci" | "oci-archive";
      readonly path: string;
      /** Which image of several: a reference, a tag. */
      readonly select?: string;
    }
  | { readonly transport: "docker" | "docker-daemon"; readonly reference: Reference };

const FILE_TRANSPORTS = ["docker-archive", "oci-archive", "oci"] as const;

/**
 * Reads the name of a place to read from. A bare name is a file or folder if there is one, whatever it is called, and
 * else an image in a registry.
 * @throws VarveError `USAGE`, `INVALID_REFERENCE`; `NOT_FOUND` for what can only be a path; `INVALID_IMAGE`,
 *   `TOO_LARGE`
 */
export async function parseSource(text: string, limit: SpoolLimit = {}): Promise<Place> {
  const named = parseTransport(text);
  if (named !== undefined) return named;
  const local = (await recognise(text, limit)) ?? (await recogniseWithSelect(text, limit));
  if (local !== undefined) return local;
  refuseUnknown(text);
  if (looksLikePath(text)) {
    throw new VarveError("NOT_FOUND", `cannot read ${text}: it does not exist`);
  }
  return { transport: "docker", reference: parseReference(text) };
}

/**
 * Reads the name of a place to write to. A bare name is an OCI layout if it is a folder, a docker-archive if it looks
 * like a path, and else an image in a registry.
 * @throws VarveError `USAGE`, `INVALID_REFERENCE`
 */
export async function parseDestination(text: string): Promise<Place> {
  const named = parseTransport(text);
  if (named !== undefined) return named;
  if ((await kindOf(text)) === "folder") return { transport: "oci", path: text };
  refuseUnknown(text);
  if (looksLikePath(text)) return { transport: "docker-archive", path: text };
  return { transport: "docker", reference: parseReference(text) };
}

function parseTransport(text: string): Place | undefined {
  for (const transport of FILE_TRANSPORTS) {
    if (!text.startsWith(`${transport}:`)) continue;
    const rest = text.slice(transport.length + 1);
    const colon = rest.indexOf(":");
    const path = colon === -1 ? rest : rest.slice(0, colon);
    if (path === "") throw new VarveError("USAGE", `${text} names no path; write ${transport}:PATH`);
    const select = colon === -1 ? "" : rest.slice(colon + 1);
    return { transport, path, ...(select === "" ? {} : { select }) };
  }
  if (text.startsWith("docker://")) {
    return { transport: "docker", reference: parseReference(text.slice("docker://".length)) };
  }
  if (text.startsWith("docker-daemon:")) {
    return { transport: "docker-daemon", reference: parseReference(text.slice("docker-daemon:".length)) };
  }
  return undefined;
}

const TRANSPORTS = [...FILE_TRANSPORTS, "docker", "docker-daemon"];

/** What other tools have besides. */
const THEIR_TRANSPORTS: ReadonlySet<string> = new Set([
  "containers-storage",
  "dir",
  "ostree",
  "sif",
  "tarball",
]);

/**
 * Refuses what is meant to name a transport that varve doesn't have: else it would be a file of such a name. An image of a
 * short name may be anything.
 */
function refuseUnknown(text: string): void {
  const [, word = ""] = /^([a-z]+(?:-[a-z]+)*):/.exec(text) ?? [];
  const near = word.includes("-") ? nearest(word, TRANSPORTS) : undefined;
  if (near === undefined && !THEIR_TRANSPORTS.has(word)) return;
  const hint =
    near === undefined
      ? `there are ${TRANSPORTS.join(", ")}; a file of that name is ./${text}, and an image in a registry docker://${text}`
      : `did you mean ${near}?`;
  throw new VarveError("USAGE", `${text} names ${word}, which is no transport of varve's; ${hint}`);
}

async function recognise(path: string, limit: SpoolLimit): Promise<Place | undefined> {
  if ((await kindOf(path)) === undefined) return undefined;
  return { transport: await recogniseImage(path, limit), path };
}

/** A path and, after a colon, which of its images. */
async function recogniseWithSelect(text: string, limit: SpoolLimit): Promise<Place | undefined> {
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  const place = await recognise(text.slice(0, colon), limit);
  return place === undefined ? undefined : ({ ...place, select: text.slice(colon + 1) } as Place);
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}
