/** Archives and layouts, for programs. */
import {
  dockerArchiveSink as archiveSink,
  dockerArchiveSource as archiveSource,
  type DockerArchiveSinkOptions,
  type DockerArchiveSource,
  type DockerArchiveSourceOptions,
  ociLayoutSource as layoutSource,
  type OciArchiveSinkOptions,
  type OciSourceOptions,
  ociArchiveSink as ociSink,
  ociArchiveSource as ociSource,
} from "#formats";
import type { ImageSource } from "#image";
import type { SpoolLimit } from "#util";
import type { ImageSink } from "#write";
import { ownOutput, ownSource } from "./own.ts";

/**
 * A docker-archive, as `docker save` writes it, to read from; nothing of it is unpacked. It is opened when it is first read:
 * then `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `INVALID_IMAGE`, `IMAGE_NOT_FOUND` or `TOO_LARGE` may be thrown. The chunks of
 * its layers are the caller's.
 */
export function dockerArchiveSource(options: DockerArchiveSourceOptions): DockerArchiveSource {
  return ownSource(archiveSource(options));
}

/** A docker-archive to write to, as `docker load` reads it, uncompressed layer by layer. The chunks that its output gets are the output's. */
export function dockerArchiveSink(options: DockerArchiveSinkOptions): ImageSink {
  return archiveSink({ ...options, output: ownOutput(options.output) });
}

/** A tar archive of an OCI layout to read from; all else is as {@link dockerArchiveSource} has it. */
export function ociArchiveSource(options: OciSourceOptions & SpoolLimit): ImageSource {
  return ownSource(ociSource(options));
}

/** A tar archive of an OCI layout to write to: OCI image specification, image-layout.md. The chunks that its output gets are the output's. */
export function ociArchiveSink(options: OciArchiveSinkOptions): ImageSink {
  return ociSink({ ...options, output: ownOutput(options.output) });
}

/** A folder with an OCI layout to read from. The chunks of its layers are the caller's. */
export function ociLayoutSource(options: OciSourceOptions): ImageSource {
  return ownSource(layoutSource(options));
}
