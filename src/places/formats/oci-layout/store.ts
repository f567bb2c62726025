import { randomUUID } from "node:crypto";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf, VarveError, writeError } from "#errors";
import { Digester, hashed } from "#oci";
import { currentOwner, hasEnded, type Owner, ownedName, ownerOfName, writeChunks } from "#util";
import { type Blob, type BlobStore, type KnownBlob, type StoredBlob, verified } from "#write";
import { blobPath } from "./blobs.ts";
import { LayoutFolder } from "./folder.ts";
import { withLock } from "./lock.ts";
import { checkMarker, INDEX_FILE, MARKER, MARKER_FILE } from "./read.ts";

/** The folder for blobs that varve makes; one for blobs of another algorithm is made when it is needed. */
const BLOBS = "blobs/sha256";

/** The folder for incomplete files and locks; it exists while a process writes. */
export const INGEST = ".varve-ingest";

/**
 * The files of a layout folder that several processes may write to at the same time. Files are written aside and
 * renamed into their places, so what is in place is whole, whenever a process is killed.
 */
export class LayoutStore implements BlobStore, AsyncDisposable {
  readonly path: string;
  readonly #owner: Owner;

  private constructor(path: string, owner: Owner) {
    this.path = path;
    this.#owner = owner;
  }

  /**
   * Opens a layout for writing, and makes one if the folder is empty or missing. Unfinished files of killed processes
   * are removed.
   * @throws VarveError `UNWRITABLE`, also for a folder that holds something else; `INVALID_IMAGE`
   */
  static async open(path: string): Promise<LayoutStore> {
    const store = new LayoutStore(path, await currentOwner());
    try {
      await mkdir(path, { recursive: true });
      const names = await readdir(path);
      const isNew = !names.includes(MARKER_FILE);
      if (isNew && names.some((name) => ![INGEST, "blobs", INDEX_FILE].includes(name))) {
        throw new VarveError(
          "UNWRITABLE",
          `${path} holds files but isn't an OCI image layout; name a layout, or a folder that is empty or new`,
        );
      }
      if (!isNew) await checkMarker(new LayoutFolder(path));
      for (const folder of ["blobs", BLOBS, INGEST]) await makeFolder(join(path, folder));
      await store.#removeRemains();
      if (isNew) await store.#replace(MARKER_FILE, MARKER);
      return store;
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Removes the traces of writing, unless other processes are still writing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rmdir(join(this.path, INGEST)).catch(() => {});
  }

  /** Whether the blob is there; only its size is compared. */
  async has(blob: KnownBlob): Promise<boolean> {
    const found = await lstat(join(this.path, blobPath(blob))).catch(() => undefined);
    return found?.isFile() === true && found.size === blob.size;
  }

  /** @throws VarveError `UNWRITABLE`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`; and what opening the blob throws */
  async put({ descriptor, open, checked }: Blob, signal?: AbortSignal): Promise<StoredBlob> {
    let written = descriptor;
    const aside = await this.#writeAside(async (file, name) => {
      const chunks = open(signal);
      if (descriptor === undefined) written = await writeDigested(file, { chunks, name });
      else {
        const sound = checked ? chunks : verified(chunks, descriptor, `a blob for ${name}`);
        await writeSized(file, { chunks: sound, name, size: descriptor.size });
      }
    });
    // A descriptor may have further fields.
    const { digest, size } = written!;
    const blob = { digest, size };
    const present = await this.has(blob);
    if (present) await rm(aside, { force: true });
    else await this.#moveToBlobs(blobPath(blob), aside);
    return { ...blob, outcome: present ? "present" : "written" };
  }

  /**
   * Changes `index.json` while no other process does.
   * @param change receives the present bytes, or undefined, and returns the new ones
   * @throws VarveError `UNWRITABLE`; and whatever `change` throws
   */
  async updateIndex(
    change: (layout: LayoutFolder, isThere: boolean) => Promise<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const folder = join(this.path, INGEST);
    const prepare = () => makeFolder(folder);
    await withLock({ folder, owner: this.#owner, prepare, signal }, async () => {
      const found = await lstat(join(this.path, INDEX_FILE)).catch(() => undefined);
      const bytes = await change(new LayoutFolder(this.path), found !== undefined);
      await this.#replace(INDEX_FILE, bytes);
    });
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const aside = await this.#writeAside((file) => file.writeFile(bytes));
    await this.#moveTo(name, aside);
  }

  /** Writes a file with a temporary name, and returns its path. */
  async #writeAside(write: (file: FileHandle, name: string) => Promise<void>): Promise<string> {
    const aside = join(this.path, INGEST, ownedName(this.#owner, randomUUID()));
    try {
      const file = await this.#create(aside);
      try {
        await write(file, this.path);
      } finally {
        await file.close();
      }
      return aside;
    } catch (error) {
      await rm(aside, { force: true });
      throw errnoOf(error) === undefined ? error : writeError(this.path, error);
    }
  }

  async #create(aside: string): Promise<FileHandle> {
    for (;;) {
      try {
        return await open(aside, "wx", 0o644);
      } catch (error) {
        // Another process has finished and removed the folder, which was empty.
        if (errnoOf(error) !== "ENOENT") throw error;
        await makeFolder(join(this.path, INGEST));
      }
    }
  }

  async #moveToBlobs(name: string, aside: string): Promise<void> {
    const folder = dirname(name);
    if (folder !== BLOBS) await makeFolder(join(this.path, folder));
    await this.#moveTo(name, aside);
  }

  async #moveTo(name: string, aside: string): Promise<void> {
    try {
      await rename(aside, join(this.path, name));
    } catch (error) {
      await rm(aside, { force: true });
      throw writeError(join(this.path, name), error);
    }
  }

  /** Removes the temporary files of processes that have ended. */
  async #removeRemains(): Promise<void> {
    const folder = join(this.path, INGEST);
    for (const name of await readdir(folder).catch(() => [])) {
      const owner = ownerOfName(name);
      if (owner !== undefined && (await hasEnded(owner, this.#owner))) {
        await rm(join(folder, name), { force: true });
      }
    }
  }
}

async function writeSized(
  file: FileHandle,
  { chunks, name, size }: { chunks: AsyncIterable<Uint8Array>; name: string; size: number },
): Promise<void> {
  const actual = await writeChunks(file.fd, chunks, name);
  if (actual === size) return;
  throw new VarveError("SIZE_MISMATCH", `a blob for ${name} should have ${size} bytes, but has ${actual}`);
}

async function writeDigested(
  file: FileHandle,
  { chunks, name }: { chunks: AsyncIterable<Uint8Array>; name: string },
): Promise<KnownBlob> {
  const digester = new Digester();
  await writeChunks(file.fd, hashed(chunks, digester), name);
  const { size } = digester;
  return { digest: digester.digest(), size };
}

/** Makes a folder unless it exists. It must not be a link to a folder, or blobs would end up elsewhere. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error) => {
    if (errnoOf(error) !== "EEXIST") throw error;
  });
  const found = await lstat(path).catch((error) => {
    // Another process has removed the folder, since it was empty; it is made again when it is needed.
    if (errnoOf(error) !== "ENOENT") throw error;
  });
  if (found !== undefined && !found.isDirectory()) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${path} is not a folder itself, so varve doesn't write through it; remove it if it is a link`,
    );
  }
}
