/** Images as files and folders, and how an image is written to whatever takes it. */
export {
  type ArchiveOutput,
  type DockerArchiveSinkOptions,
  type DockerArchiveSource,
  type DockerArchiveSourceOptions,
  type FileOutputOptions,
  fileOutput,
  type ImageFormat,
  type OciArchiveSinkOptions,
  type OciLayoutSinkOptions,
  type OciSourceOptions,
  ociLayoutSink,
  recogniseImage,
} from "#formats";
export { draftOf } from "#image";
export {
  dockerArchiveSink,
  dockerArchiveSource,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSource,
} from "#library";
export { type WriteOptions, type WrittenImage, writeImage } from "#write";
