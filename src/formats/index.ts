export { type ArchivedImage, type ArchivedLayer, DockerArchive } from "./docker-archive/read.ts";
export { type DockerArchiveOptions, writeDockerArchive } from "./docker-archive/write.ts";
