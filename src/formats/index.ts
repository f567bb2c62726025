export { type ArchivedImage, type ArchivedLayer, DockerArchive } from "./docker-archive/read.ts";
