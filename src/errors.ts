/**
 * Every failure that a user can cause or meet is a {@link VarveError}. Its `code` is stable and meant for
 * programs; its message is one sentence for people: what is wrong, with which input, and what to do.
 */

/** The codes a {@link VarveError} may carry. A code is never given another meaning. */
export type ErrorCode =
  /** A command or a function was called with arguments that make no sense. */
  | "USAGE"
  /** A file or folder that was named does not exist. */
  | "NOT_FOUND"
  /** A file or folder exists but can't be read. */
  | "UNREADABLE"
  /** Writing failed: no space, no permission, a folder that isn't there. */
  | "UNWRITABLE"
  /** The reader of our output went away before it had everything. */
  | "OUTPUT_CLOSED"
  /** A path lies outside the store it must be in. */
  | "OUTSIDE_STORE"
  /** A file whose type can't be put into an image, such as a socket. */
  | "UNSUPPORTED_FILE"
  /** A file changed after it was measured and before it was written. */
  | "CHANGED_WHILE_READING"
  /** A layer isn't what the digest cache said. The cache has forgotten the entry, so the next build is right. */
  | "STALE_CACHE"
  /** Text that should be JSON isn't, or has a key twice, or is nested too deeply. */
  | "INVALID_JSON"
  /** A `varve stream` configuration has a field missing or of the wrong type. */
  | "INVALID_CONF"
  /** An image specification for `varve build` doesn't fit its schema. */
  | "INVALID_SPEC"
  /** A layering pipeline has an operation that isn't known, is used wrongly, or makes too many layers. */
  | "INVALID_PIPELINE"
  /** A layout of an earlier build, or a file of weights, isn't one. */
  | "INVALID_LAYOUT"
  /** A file isn't a references graph in any form varve reads. */
  | "INVALID_GRAPH"
  /** A component refers to another that the graph doesn't have. */
  | "DANGLING_REFERENCE"
  /** `maxLayers` is less than the number of layers that are needed. */
  | "NO_LAYERS_LEFT"
  /** A tar archive is broken or cut short. */
  | "INVALID_TAR"
  /** A file isn't an image archive or layout in any form varve reads, or contradicts itself. */
  | "INVALID_IMAGE"
  /** An archive or index holds several images, or none for the wanted platform or name. */
  | "IMAGE_NOT_FOUND"
  /** A compression that varve doesn't read. */
  | "UNSUPPORTED_COMPRESSION"
  /** A digest is malformed or uses an algorithm varve doesn't know. */
  | "INVALID_DIGEST"
  /** Bytes don't have the digest they should have. */
  | "DIGEST_MISMATCH"
  /** More or fewer bytes came than were announced. */
  | "SIZE_MISMATCH"
  /** A name isn't an image reference. */
  | "INVALID_REFERENCE"
  /** A valid manifest of an artifact that isn't an image, such as a Helm chart. */
  | "NOT_AN_IMAGE"
  /** A manifest, index or config contradicts itself or its media type. */
  | "INVALID_MANIFEST"
  /** More than varve's limit: a document larger than any real one, more files than fit in memory, a temporary file that is too large. */
  | "TOO_LARGE"
  /** A registry refused the credentials, or wants some. */
  | "UNAUTHORIZED"
  /** A registry's answer breaks the distribution specification. */
  | "REGISTRY_PROTOCOL"
  /** A registry or daemon can't be reached, or the connection broke and retries didn't help. */
  | "NETWORK"
  /** Others kept changing what was to be changed, each time faster. */
  | "CONFLICT"
  /** A server can't listen where it is to: another program does, or this machine has no such address. */
  | "CANNOT_LISTEN"
  /** The Docker daemon answered with an error. */
  | "DAEMON"
  /** A script of the customisation layer ended with an error. */
  | "SCRIPT_FAILED"
  /** A script of the customisation layer took longer than its time limit. */
  | "SCRIPT_TIMEOUT"
  /** An image has something that is sure to fail, so it wasn't written: see `docs/check.md`. */
  | "CHECK_FAILED"
  /** The job of a layer or an image isn't one, or was changed. */
  | "INVALID_JOB"
  /** What a job is about isn't as it was when it was planned. */
  | "JOB_DIFFERS"
  /** A layer's job has no result yet, so that the image can't be put together. */
  | "JOB_MISSING"
  /** Some of the images of one run failed; the others are at their places. */
  | "BAKE_FAILED"
  /** Two images' root file systems aren't the same. */
  | "ROOT_DIFFERS"
  /** This machine has no sandbox that can run a layer's scripts. */
  | "SANDBOX_UNAVAILABLE"
  /** A project's package manager failed to install for another platform. */
  | "INSTALL_FAILED"
  /** An image can't be made for the wanted platform: its base's files, or what its packages need, are for another. */
  | "UNSUPPORTED_PLATFORM"
  /** A file isn't a key that signatures are made or verified with, or its passphrase is another one. */
  | "INVALID_KEY"
  /** Fulcio, Rekor or another service that signing needs refused or failed. */
  | "SIGNING_FAILED"
  /** An image has no signature or attestation of the kind that is demanded, or none that holds. */
  | "NOT_VERIFIED"
  /** This version of Node.js can't do what was asked for. */
  | "UNSUPPORTED_NODE"
  /** A credential helper failed. */
  | "CREDENTIALS"
  /** The operation was cancelled through its signal. */
  | "ABORTED";

/** A failure with a stable {@link ErrorCode} and a sentence for people. */
export class VarveError extends Error {
  override readonly name = "VarveError";
  /** What failed, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(readable(message), options);
    this.code = code;
  }
}

/**
 * The failure of an operation that was cancelled through its signal.
 * @param what names the operation, for the beginning of the sentence: `reading image.tar`
 */
export function cancelled(what: string, cause?: unknown): VarveError {
  return new VarveError("ABORTED", `${what} was cancelled`, cause === undefined ? {} : { cause });
}

/** The most characters of a message. */
const MAX_MESSAGE = 3000;

/** Messages quote names and keys that strangers chose, however long: of a message that is too long the middle is left out. */
function readable(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  return `${message.slice(0, MAX_MESSAGE - 1000)}…${message.slice(-999)}`;
}

/** The `errno` name (`ENOENT`, `EPIPE`, …) of a system error, or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return typeof code === "string" && typeof syscall === "string" ? code : undefined;
}

/** Words for the system errors that people meet; others are named by their code. */
const ERRNO_WORDS: Record<string, string> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENOENT: "it does not exist",
  ENOSPC: "no space is left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "operation not permitted",
  EPIPE: "the reader closed the pipe",
  EROFS: "the file system is read-only",
};

/** What a system error says, in words, for the end of a sentence. */
export function reasonOf(error: unknown): string {
  const errno = errnoOf(error);
  if (errno !== undefined) return ERRNO_WORDS[errno] ?? errno;
  return error instanceof Error ? error.message : String(error);
}

/** Turns a system error while reading `path` into the {@link VarveError} for the user. */
export function readError(path: string, error: unknown): VarveError {
  if (error instanceof VarveError) return error;
  const code = errnoOf(error) === "ENOENT" ? "NOT_FOUND" : "UNREADABLE";
  return new VarveError(code, `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
}

/** Turns a system error while writing `path` into the {@link VarveError} for the user. */
export function writeError(path: string, error: unknown): VarveError {
  if (error instanceof VarveError) return error;
  const code = errnoOf(error) === "EPIPE" ? "OUTPUT_CLOSED" : "UNWRITABLE";
  const reason = errnoOf(error) === "ENOENT" ? "its folder does not exist" : reasonOf(error);
  return new VarveError(code, `cannot write ${path}: ${reason}`, { cause: error });
}
