export { type ArchiveOutput, fileOutput } from "./archive-output.ts";
export { type ArchivedImage, type ArchivedLayer, DockerArchive } from "./docker-archive/read.ts";
export { type DockerArchiveSinkOptions, dockerArchive, dockerArchiveSink } from "./docker-archive/write.ts";
export { type ArchiveInput, type HandedLayer, streamedWriter } from "./streamed-writer.ts";
