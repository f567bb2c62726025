import { VarveError } from "#errors";
import { type ArchiveInput, dockerArchive, streamedWriter } from "#formats";
import { formatReference, parseReference } from "#oci";
import type { ImageSink } from "#write";
import { DaemonClient } from "./client.ts";

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
 * Every layer is sent to the daemon, since its API only knows the layers of whole images, and the image's ID is known only
 * after the last layer.
 * @throws VarveError `USAGE` for a host that varve doesn't speak to; `INVALID_REFERENCE`
 */
export function dockerDaemonSink({ host, reference }: DockerDaemonSinkOptions): ImageSink {
  const client = new DaemonClient(host);
  const name = reference === undefined ? undefined : loadableName(reference);
  return {
    name: `docker-daemon:${name ?? ""}`,
    parallel: 1,
    async open({ signal }) {
      let whole = false;
      const noticed = ({ layers, finished }: ArchiveInput): ArchiveInput => ({
        layers,
        async finished() {
          const image = await finished();
          whole = true;
          return image;
        },
      });
      return streamedWriter({
        archive: (input) =>
          dockerArchive(noticed(input), { names: name === undefined ? undefined : [name], signal }),
        output: {
          async write(chunks) {
            await client.load(chunks, signal);
            // Only the archive's end says what its layers are, so before that nothing becomes an image.
            if (!whole) {
              throw new VarveError(
                "DAEMON",
                "the Docker daemon took an image for loaded before it had all of it",
              );
            }
          },
        },
        describe: (image) => image.config.descriptor,
      });
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
