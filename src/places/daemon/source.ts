import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VarveError, writeError } from "#errors";
import { DockerArchive } from "#formats";
import type { ImageSource } from "#image";
import { formatReference, parseReference } from "#oci";
import { boundedSpool, type SpoolLimit, writeChunks } from "#util";
import { checkPlatform } from "#write";
import { DaemonClient } from "./client.ts";
import type { DockerDaemonOptions } from "./sink.ts";

export interface DockerDaemonSourceOptions extends DockerDaemonOptions, SpoolLimit {
  /** A name, with Docker's defaults filled in, or an image's ID: `sha256:HEX`, or 64 hexadecimal digits. */
  readonly reference: string;
}

/**
 * Reads an image of a Docker daemon: Docker Engine API, "Export an image". The docker-archive that it sends is kept in a
 * temporary file without a name, which is gone when the source is closed.
 * @throws VarveError `USAGE` for a host that varve doesn't speak to; `INVALID_REFERENCE`
 */
export function dockerDaemonSource(options: DockerDaemonSourceOptions): ImageSource {
  const { host, reference, maxSpool } = options;
  const client = new DaemonClient(host);
  const image = savableName(reference);
  const name = `docker-daemon:${image}`;
  let archive: Promise<DockerArchive> | undefined;
  return {
    name,
    async read({ strict, platform, signal }) {
      archive ??= spooled(client, image, { signal, maxSpool });
      const found = await (await archive).image(undefined, signal);
      if (strict) checkPlatform(found, { platform, what: name });
      return found;
    },
    async [Symbol.asyncDispose]() {
      await (await archive?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

function savableName(text: string): string {
  return /^(sha256:)?[0-9a-f]{64}$/.test(text) ? text : formatReference(parseReference(text), "familiar");
}

async function spooled(
  client: DaemonClient,
  image: string,
  { signal, maxSpool }: SpoolLimit & { signal: AbortSignal | undefined },
): Promise<DockerArchive> {
  const place = `a temporary file in ${tmpdir()}`;
  const unwritable = (error: unknown) => {
    throw writeError(place, error);
  };
  const folder = await mkdtemp(join(tmpdir(), "varve-")).catch(unwritable);
  try {
    const path = join(folder, "archive.tar");
    const file = await open(path, "wx", 0o600).catch(unwritable);
    try {
      const take = async (chunks: AsyncIterable<Uint8Array>) => {
        await writeChunks(file.fd, boundedSpool(chunks, { what: `docker-daemon:${image}`, maxSpool }), place);
      };
      await client.save(image, { take, signal });
    } finally {
      await file.close();
    }
    return await DockerArchive.open(path, { signal, maxSpool }).catch((error) => {
      throw renamed(error, { path, image });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same failure with the image's name in place of the temporary file's, which is gone. */
function renamed(error: unknown, { path, image }: { path: string; image: string }): unknown {
  if (!(error instanceof VarveError)) return error;
  return new VarveError(error.code, error.message.replaceAll(path, `docker-daemon:${image}`), {
    cause: error,
  });
}
