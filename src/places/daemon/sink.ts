import { VarveError } from "#errors";
import { formatReference, parseReference } from "#oci";
import type { ImageSink } from "#write";
import { DaemonClient } from "./client.ts";
import { lookAtEngine } from "./engine.ts";
import { DaemonWriter } from "./writer.ts";

export interface DockerDaemonOptions {
  /** Where the daemon listens, as in `DOCKER_HOST`; see `dockerHost`. */
  readonly host: string;
}

export interface DockerDaemonSinkOptions extends DockerDaemonOptions {
  /** The name that the image gets, with Docker's defaults filled in; by default those it comes with. */
  readonly reference?: string | undefined;
}

/**
 * Loads images into a Docker daemon: Docker Engine API, "Import images". The docker-archive that it takes is made while
 * it is sent. It is described by its config, whose digest is the image's ID.
 *
 * An engine is sent only what it lacks, where it takes that: see {@link DaemonWriter}.
 * @throws VarveError `USAGE` for a host that varve doesn't speak to; `INVALID_REFERENCE`
 */
export function dockerDaemonSink({ host, reference }: DockerDaemonSinkOptions): ImageSink {
  const client = new DaemonClient(host);
  const name = reference === undefined ? undefined : loadableName(reference);
  return {
    name: `docker-daemon:${name ?? ""}`,
    parallel: 1,
    async open({ signal, onDetail }) {
      const engine = await lookAtEngine(client, signal);
      return new DaemonWriter({ client, engine, name, signal, onDetail });
    },
  };
}

/** @throws VarveError `INVALID_REFERENCE`; `USAGE` for one with a digest, which an archive can't give an image */
function loadableName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new VarveError(
      "USAGE",
      `an image can't be loaded as ${text}: give it a name with a tag, and no digest`,
    );
  }
  return formatReference(reference, "familiar");
}
