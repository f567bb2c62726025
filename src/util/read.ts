/** Reads files as streams of bytes, and pipes, whose writers may take as long as they like. */
import {
  close as closeCallback,
  constants,
  fstat as fstatCallback,
  open as openCallback,
  read as readCallback,
} from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { promisify } from "node:util";
import { readError, VarveError } from "#errors";
import { asBuffer, CHUNK_SIZE, collect } from "./bytes.ts";

const close = promisify(closeCallback);
const fstat = promisify(fstatCallback);
const open = promisify(openCallback);
const read = promisify(readCallback);

/** Otherwise opening a pipe that has no writer would block a thread, and no signal could end the process. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const STDIN = 0;

/**
 * The bytes of a file or pipe from start to end, in chunks under the rule of `ByteSource`. Devices aren't read: they may
 * never end.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `ABORTED`
 */
export async function* readChunks(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const fd = await open(path, FLAGS).catch((error) => {
    throw readError(path, error);
  });
  let isOpen = true;
  try {
    if ((await kindOf(fd, path)) === "file") yield* readFile(fd, { name: path, signal });
    else {
      // The socket closes it.
      isOpen = false;
      yield* readPipe(fd, { name: path, signal });
    }
  } finally {
    if (isOpen) await close(fd);
  }
}

/**
 * The bytes of stdin, as {@link readChunks} has those of a file.
 * @throws VarveError `UNREADABLE`, `ABORTED`
 */
export async function* readStdin(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const options = { name: "stdin", signal };
  if ((await kindOf(STDIN, options.name)) === "file") yield* readFile(STDIN, options);
  else yield* readPipe(STDIN, options);
}

/**
 * The whole of a file or pipe, of at most `limit` bytes.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `TOO_LARGE`, `ABORTED`
 */
export async function readWhole(
  path: string,
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined },
): Promise<Buffer> {
  const tooLarge = () =>
    new VarveError(
      "TOO_LARGE",
      `${path} is larger than ${limit} bytes, the most that varve reads of such a file`,
    );
  return asBuffer(await collect(readChunks(path, signal), limit, tooLarge));
}

/** @throws VarveError `UNREADABLE` for a device */
async function kindOf(fd: number, name: string): Promise<"file" | "pipe"> {
  const found = await fstat(fd).catch((error) => {
    throw readError(name, error);
  });
  if (found.isCharacterDevice() || found.isBlockDevice()) {
    throw new VarveError("UNREADABLE", `cannot read ${name}: it is a device; name a file or a pipe`);
  }
  // For a folder, reading fails with the right error.
  return found.isFIFO() || found.isSocket() ? "pipe" : "file";
}

interface ReadOptions {
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

async function* readFile(fd: number, { name, signal }: ReadOptions): AsyncGenerator<Uint8Array, void, void> {
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)] as const;
  for (let turn = 0; ; turn++) {
    if (signal?.aborted) throw cancelled(name);
    const buffer = buffers[turn % 2 === 0 ? 0 : 1];
    const { bytesRead } = await read(fd, buffer, 0, CHUNK_SIZE, null).catch((error) => {
      throw readError(name, error);
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Waits for a pipe's writers without blocking a thread, so that the signal can end it. */
async function* readPipe(fd: number, { name, signal }: ReadOptions): AsyncGenerator<Uint8Array, void, void> {
  const socket = new Socket({ fd, readable: true, writable: false });
  if (signal !== undefined) addAbortSignal(signal, socket);
  try {
    yield* socket;
  } catch (error) {
    throw signal?.aborted ? cancelled(name) : readError(name, error);
  } finally {
    socket.destroy();
  }
}

function cancelled(name: string): VarveError {
  return new VarveError("ABORTED", `reading ${name} was cancelled`);
}
