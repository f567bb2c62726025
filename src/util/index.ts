export { boundedSpool, type SpoolLimit } from "./bounded.ts";
export {
  asBuffer,
  type BorrowedChunks,
  type ByteSource,
  bytesSource,
  CHUNK_SIZE,
  collect,
  ownChunks,
} from "./bytes.ts";
export { exchange, type Incoming, type IncomingBody, LineError, type Waits } from "./exchange.ts";
export { hashChecked, parseFileHash } from "./file-hash.ts";
export { Fingerprint, fingerprintKey } from "./fingerprint.ts";
export { isFolder, readEntries, readLink, realPath } from "./folders.ts";
export { oneLine, shown, shownJson, shownLines } from "./foreign-text.ts";
export { type JsonLimits, parseJson } from "./json.ts";
export { Memo, once } from "./memo.ts";
export { compareNames, decodeName, encodeName, fsPath, isAscii, sortNames } from "./names.ts";
export { nearest } from "./nearest.ts";
export { httpServer, nodeHttp, nodeTls } from "./node-http.ts";
export { currentOwner, hasEnded, type Owner, ownedName, ownerOfName } from "./owner.ts";
export { looksLikePath, parentOf } from "./paths.ts";
export { readChunks, readStdin, readWhole } from "./read.ts";
export { Resources } from "./resources.ts";
export { checkSchema } from "./schema.ts";
export { answerRequests, startThread, Thread } from "./threads.ts";
export { unnamedFile } from "./unnamed-file.ts";
export { userCache } from "./user-cache.ts";
export { varveVersion } from "./version.ts";
export { hasMajor, satisfies, validRange } from "./version-range.ts";
export {
  type AsideFile,
  placeOfAside,
  writeChunks,
  writeFileAside,
  writeFileAtomically,
  writeToReader,
} from "./write.ts";
