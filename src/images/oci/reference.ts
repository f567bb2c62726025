import { VarveError } from "#errors";
import { DIGEST_FORM, type Digest, isDigest } from "./digest.ts";

/**
 * The name of an image in a registry, with Docker's defaults filled in. Made by {@link parseReference}, so each part
 * is safe in a URL.
 */
export interface Reference {
  /** The registry's host, with its port if one was given; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** The path in the registry, such as `library/busybox`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** The registry of references that name none. */
export const DEFAULT_REGISTRY = "docker.io";

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:.]+\\])(?::([0-9]{1,5}))?$`);
const IMAGE_ID = /^[0-9a-f]{64}$/;

const MAX_REPOSITORY = 255;
const MAX_HOST = 255;
/** A host, a repository, a tag and a digest at their longest, with what stands between them. */
const MAX_REFERENCE = MAX_HOST + MAX_REPOSITORY + 128 + 144;

/** Whether `text` is a repository's path: OCI distribution specification, "Pulling manifests", at most 255 characters. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_REPOSITORY && REPOSITORY.test(text);
}

/** Whether `text` is a tag: OCI distribution specification, "Pulling manifests". */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether `text` is a registry's host name or address, with or without a port. */
export function isRegistryHost(text: string): boolean {
  if (text.length > MAX_HOST) return false;
  const match = HOST.exec(text);
  if (match === null || Number(match[1] ?? 1) > 65535) return false;
  // Whether brackets, or a name whose last label is a number, are an address is what URL knows best.
  return URL.canParse(`http://${text}/`);
}

/**
 * Reads `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` as Docker does: the first part is a host when it has a dot, a colon or an
 * upper-case letter or is `localhost`; without a host it is `docker.io`, where a path of one part is under
 * `library/`; with neither tag nor digest the tag is `latest`.
 *
 * @throws VarveError `INVALID_REFERENCE`.
 */
export function parseReference(text: string): Reference {
  const shown = JSON.stringify(text.slice(0, 100));
  const refuse = (reason: string): never => {
    throw new VarveError("INVALID_REFERENCE", `${shown} is not an image reference: ${reason}`);
  };
  if (text === "") refuse("it is empty");
  if (text.length > MAX_REFERENCE) refuse(`it is longer than ${MAX_REFERENCE} characters`);

  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : referenceDigest(text.slice(at + 1), refuse);

  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(slash, 0));
  const hasHost = slash >= 0 && (/[.:[A-Z]/.test(first) || first === "localhost");
  const host = hasHost ? first : DEFAULT_REGISTRY;
  const rest = hasHost ? named.slice(slash + 1) : named;

  const colon = rest.indexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);

  if (!isRegistryHost(host))
    refuse(`${JSON.stringify(host.slice(0, 100))} is not a host with an optional port`);
  if (!hasHost && IMAGE_ID.test(path)) refuse("64 hexadecimal digits are an image ID, not a name");
  const registry = host === "index.docker.io" ? DEFAULT_REGISTRY : host;
  const repository =
    registry === DEFAULT_REGISTRY && path !== "" && !path.includes("/") ? `library/${path}` : path;
  if (repository.length > MAX_REPOSITORY) refuse(`its path is longer than ${MAX_REPOSITORY} characters`);
  if (/[A-Z]/.test(repository)) refuse("its path must be in lower case");
  if (!isRepository(repository)) {
    refuse("its path must be lower-case letters and digits with single separators (. _ __ - /) between them");
  }
  if (tag !== undefined && !isTag(tag)) {
    refuse("its tag must be 1 to 128 letters, digits, _, . or -, and not start with . or -");
  }
  return {
    registry,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: "latest" } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

function referenceDigest(text: string, refuse: (reason: string) => never): Digest {
  return isDigest(text) ? text : refuse(`its digest is not ${DIGEST_FORM}`);
}

/**
 * Writes a reference. `canonical` names everything (`docker.io/library/busybox:latest`); `familiar` leaves out the
 * registry and `library/` where Docker's defaults would put them back (`busybox:latest`). Reading either again gives an
 * equal reference.
 */
export function formatReference(reference: Reference, style: "canonical" | "familiar" = "canonical"): string {
  const { registry, repository, tag, digest } = reference;
  let name = `${registry}/${repository}`;
  if (style === "familiar" && registry === DEFAULT_REGISTRY) {
    name = repository.replace(/^library\/(?=[^/]+$)/, "");
    // A path whose first part would be taken for a host, or the whole for an image ID, keeps its registry.
    if (name.startsWith("localhost/") || /^[^/]*\.[^/]*\//.test(name) || IMAGE_ID.test(name)) {
      name = `${registry}/${repository}`;
    }
  }
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
