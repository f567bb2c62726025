/** Finds where the Docker daemon listens, from `DOCKER_HOST` and Docker's contexts. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { errnoOf, readError, VarveError } from "#errors";
import { checkSchema, parseJson } from "#util";

/** Where Docker listens by default. */
export const DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock";

/** Where to connect to. */
export interface Endpoint {
  /** Its name in messages. */
  readonly name: string;
  /** The scheme, host and port for requests; without meaning for a socket. */
  readonly origin: string;
  /** The unix socket to which requests go. */
  readonly socketPath?: string;
}

const MAX_SETTINGS_SIZE = 16 * 1024 * 1024;

/**
 * Reads a Docker host: `unix:///PATH`, or `tcp://HOST:PORT` on loopback.
 * @throws VarveError `USAGE` for other ones: what is sent to them would need a key or could be read on its way
 */
export function parseDockerHost(host: string): Endpoint {
  const refuse = (reason: string): never => {
    throw new VarveError(
      "USAGE",
      `cannot use the Docker host ${JSON.stringify(host)}: ${reason}; set DOCKER_HOST to unix:///PATH of the daemon's socket`,
    );
  };
  const [, scheme, rest] =
    /^([a-z]+):\/\/(.*)$/s.exec(host) ?? refuse("it isn't written as SCHEME://ADDRESS");
  if (scheme === "unix") {
    if (!rest!.startsWith("/")) refuse("a socket's path must be absolute");
    return { name: host, origin: "http://localhost", socketPath: rest! };
  }
  if (scheme !== "tcp") refuse(`varve doesn't speak ${scheme} to a daemon`);
  const url = URL.canParse(`http://${rest}`)
    ? new URL(`http://${rest}`)
    : refuse("it names no host and port");
  if (url.port === "" || `${url.host}` !== url.href.slice("http://".length, -1)) {
    refuse("it isn't written as tcp://HOST:PORT");
  }
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) {
    refuse("varve speaks plain TCP on loopback only");
  }
  return { name: host, origin: url.origin };
}

const Settings = z.object({ currentContext: z.string().optional() });

const ContextMetadata = z.object({
  Endpoints: z.object({ docker: z.object({ Host: z.string().min(1) }) }),
});

/**
 * The Docker host that Docker's own client would talk to: `DOCKER_HOST`, else the context that `DOCKER_CONTEXT` or
 * the settings in `DOCKER_CONFIG` (`~/.docker`) name, else the default socket.
 * @param env the environment's variables
 * @param home the user's home folder
 * @throws VarveError `NOT_FOUND` for a context that isn't there; `UNREADABLE`, `INVALID_JSON`, `USAGE` for settings
 * that can't be read
 */
export async function dockerHost(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): Promise<string> {
  if (env["DOCKER_HOST"]) return env["DOCKER_HOST"];
  const folder = env["DOCKER_CONFIG"] || join(home, ".docker");
  const context = env["DOCKER_CONTEXT"] || (await currentContext(join(folder, "config.json")));
  if (context === "" || context === "default") return DEFAULT_DOCKER_HOST;
  const id = createHash("sha256").update(context).digest("hex");
  const file = join(folder, "contexts", "meta", id, "meta.json");
  const metadata = await readSettings(file, ContextMetadata);
  if (metadata === undefined) {
    throw new VarveError(
      "NOT_FOUND",
      `Docker's context ${JSON.stringify(context)} isn't in ${folder}; choose another with docker context use, or set DOCKER_HOST`,
    );
  }
  return metadata.Endpoints.docker.Host;
}

async function currentContext(file: string): Promise<string> {
  return (await readSettings(file, Settings))?.currentContext ?? "";
}

/** A settings file's content; undefined if there is none. */
async function readSettings<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw readError(file, error);
  }
  const value = parseJson(bytes, { what: file, maxBytes: MAX_SETTINGS_SIZE });
  return checkSchema(schema, value, { code: "USAGE", what: file });
}
