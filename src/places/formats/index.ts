export { type ArchiveOutput, type FileOutputOptions, fileOutput } from "./archive-output.ts";
export { checkNames, type MergeOptions, mergedDockerArchive } from "./docker-archive/merge.ts";
export { type ArchivedImage, type ArchivedLayer, DockerArchive } from "./docker-archive/read.ts";
export {
  type DockerArchiveSource,
  type DockerArchiveSourceOptions,
  dockerArchiveSource,
} from "./docker-archive/source.ts";
export { type DockerArchiveSinkOptions, dockerArchive, dockerArchiveSink } from "./docker-archive/write.ts";
export { mergedOciArchive } from "./oci-layout/archive-merge.ts";
export { type OciArchiveSinkOptions, ociArchiveSink } from "./oci-layout/archive-write.ts";
export { type LayoutGarbage, layoutGarbage } from "./oci-layout/garbage.ts";
export { packedLayout } from "./oci-layout/pack.ts";
export { type OciSourceOptions, ociArchiveSource, ociLayoutSource } from "./oci-layout/read.ts";
export { archiveReferrers, layoutReferrers } from "./oci-layout/referrers.ts";
export { type OciLayoutSinkOptions, ociLayoutSink } from "./oci-layout/write.ts";
export { type ImageFormat, recogniseImage } from "./recognise.ts";
export { type ArchiveInput, type HandedLayer, streamedWriter } from "./streamed-writer.ts";
