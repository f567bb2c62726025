export { type ByteSource, bytesSource, CHUNK_SIZE, collect } from "./bytes.ts";
export { Fingerprint, fingerprintKey } from "./fingerprint.ts";
export { type JsonLimits, parseJson } from "./json.ts";
export { compareNames, decodeName, encodeName, fsPath, isAscii, sortNames } from "./names.ts";
export { looksLikePath } from "./paths.ts";
export { checkSchema } from "./schema.ts";
export { steadyChunks } from "./steady.ts";
export { startThread } from "./threads.ts";
export { placeOfAside, writeChunks, writeFileAtomically } from "./write.ts";
