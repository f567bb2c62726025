export {
  dockerArchiveSink,
  dockerArchiveSource,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSource,
} from "./formats.ts";
export { exportRoot, merge } from "./operations.ts";
