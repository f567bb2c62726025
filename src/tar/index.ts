export { readTar, type TarInput, type TarMember } from "./decode.ts";
export { encodeHeader, encodePlainHeader, endOfArchive, RECORD_SIZE } from "./encode.ts";
export { BLOCK_SIZE, EntryType, hasContent, padding, type TarEntry } from "./entry.ts";
export { type TarInputMember, writeTar } from "./write.ts";
