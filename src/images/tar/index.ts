export { type ReadableEntry, readLayerTar, readTar, type TarInput, type TarMember } from "./decode.ts";
export { encodeHeader, endOfArchive, headerLength, RECORD_SIZE, writeHeader } from "./encode.ts";
export { BLOCK_SIZE, EntryType, hasContent, padding, type TarEntry } from "./entry.ts";
export { fileEntry, fileMember } from "./file-member.ts";
export { encodeGnuHeader } from "./gnu.ts";
export { type ContentWatcher, TarScanner } from "./scan.ts";
export { streamInput } from "./stream-input.ts";
export { type TarInputMember, writeTar } from "./write.ts";
