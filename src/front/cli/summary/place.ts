/** The kinds of places, with the words for what is done there, and what a user does next with an image that is there. */
import type { Written } from "#app";

/** What a place is called that is known by its name. */
export interface KnownPlace {
  readonly kind: "registry" | "daemon" | "docker-archive" | "oci-archive" | "oci" | "stdout";
  /** What it is called without its kind. */
  readonly path: string;
}

const TRANSPORT = /^(docker-archive|oci-archive|oci|docker-daemon):(.*)$/s;

/** Which kind of place an image was written to. */
export function placeOf({ destination }: Pick<Written, "destination">): KnownPlace {
  const [, transport, path = ""] = TRANSPORT.exec(destination) ?? [];
  if (transport === undefined) return { kind: "registry", path: destination };
  if (transport === "docker-daemon") return { kind: "daemon", path };
  if (path === "stdout" && transport === "docker-archive") return { kind: "stdout", path };
  return { kind: transport as KnownPlace["kind"], path };
}

/** The words for what becomes of an image and its layers at a place. */
export function wordsFor({ kind }: KnownPlace): { readonly image: string; readonly layer: string } {
  if (kind === "registry") return { image: "Pushed", layer: "sent" };
  if (kind === "daemon") return { image: "Loaded", layer: "sent" };
  return { image: "Wrote", layer: "written" };
}

/** An image and its place, after such a word. */
export function imageAt({ destination, names }: Pick<Written, "destination" | "names">): string {
  const { kind, path } = placeOf({ destination });
  const name = names.join(", ") || "the image";
  if (kind === "registry") return destination;
  if (kind === "daemon") return `${path || name} into the Docker daemon`;
  return `${name} to ${kind === "stdout" ? "stdout" : destination}`;
}

/** What it depends on what users do next with an image. */
export interface Running {
  /** The ports that it exposes, such as `3000/tcp`. */
  readonly ports?: readonly string[] | undefined;
  /** Whether nothing in it can run, as it has no base. */
  readonly needsBase?: boolean | undefined;
}

/**
 * A line with what users mostly want next: to run the image, or to load it first.
 * @returns none where the image went to another program
 */
export function nextLines(written: Written, { ports = [], needsBase = false }: Running): string[] {
  const command = nextCommand(written, ports);
  if (command === undefined) return [];
  return [needsBase ? "Next: it needs a base to run: varve build --from IMAGE" : `Next: ${command}`];
}

function nextCommand(written: Written, ports: readonly string[]): string | undefined {
  const { destination, names } = written;
  const { kind, path } = placeOf(written);
  const published = ports.flatMap((port) => {
    const [, number, udp = ""] = /^(\d+)(?:\/tcp|(\/udp))?$/.exec(port) ?? [];
    return number === undefined ? [] : ["-p", `${number}:${number}${udp}`];
  });
  const run = (name: string) => ["docker", "run", "--rm", ...published, name];
  const words = {
    registry: run(destination),
    daemon: run(path || (names[0] ?? written.config)),
    "docker-archive": ["docker", "load", "-i", path],
    "oci-archive": ["varve", "load", destination],
    oci: ["varve", "load", destination],
    stdout: undefined,
  }[kind];
  return words?.map(quoted).join(" ");
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
