import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { errnoOf, readError, VarveError } from "#errors";
import { readAt, readRange } from "../file-bytes.ts";
import type { LayoutFiles } from "./blobs.ts";

/** Doesn't wait for a pipe, and doesn't follow a symbolic link, which might lead anywhere. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** How things in a Nix store are named. */
const STORE_NAME = /^[0-9a-z]{32}-[^/]+$/;

/**
 * A layout that is a folder. The folder itself may be reached through symbolic links, but links in it aren't followed, unless
 * both are in a Nix store, whose files anybody may read and nobody changes: there blobs are things of their own.
 */
export class LayoutFolder implements LayoutFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async document(name: string, limit: number): Promise<Uint8Array> {
    const { file, size } = await this.#open(name);
    try {
      if (size > limit) {
        throw new VarveError(
          "TOO_LARGE",
          `${join(this.path, name)} has ${size} bytes, more than the ${limit} that varve reads`,
        );
      }
      return await readAt(file, 0, size);
    } finally {
      await file.close();
    }
  }

  async *open(
    name: string,
    expected: { size: number; signal?: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array, void, void> {
    const { file, size } = await this.#open(name);
    const path = join(this.path, name);
    try {
      if (size !== expected.size) {
        throw new VarveError("SIZE_MISMATCH", `${path} should have ${expected.size} bytes, but has ${size}`);
      }
      yield* readRange(file, { offset: 0, path, ...expected });
    } finally {
      await file.close();
    }
  }

  async #open(name: string): Promise<{ file: FileHandle; size: number }> {
    const path = join(this.path, name);
    try {
      for (let parent = posix.dirname(name); parent !== "."; parent = posix.dirname(parent)) {
        const found = await lstat(join(this.path, parent));
        if (!found.isDirectory()) throw notRegular(join(this.path, parent), "folder");
      }
      const file = await this.#openFile(path);
      try {
        const found = await file.stat();
        if (!found.isFile()) throw notRegular(path, "file");
        return { file, size: found.size };
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw await this.#explain(path, error);
    }
  }

  async #openFile(path: string): Promise<FileHandle> {
    try {
      return await open(path, FLAGS);
    } catch (error) {
      const target = errnoOf(error) === "ELOOP" ? await this.#inSameStore(path) : undefined;
      if (target === undefined) throw error;
      return await open(target, FLAGS);
    }
  }

  /** The file of the layout's own Nix store to which a link leads; undefined if it leads anywhere else. */
  async #inSameStore(link: string): Promise<string | undefined> {
    const [layout, target] = [await realpath(this.path), await readlink(link)];
    const isThere = (path: string) => dirname(path) === dirname(layout) && STORE_NAME.test(basename(path));
    return isThere(layout) && isThere(target) ? target : undefined;
  }

  async #explain(path: string, error: unknown): Promise<VarveError> {
    switch (errnoOf(error)) {
      case "ELOOP":
      case "ENXIO":
        return notRegular(path, "file");
      case "ENOENT": {
        const folder = await lstat(join(this.path, ".")).catch((cause) => cause);
        if (folder instanceof Error) return readError(this.path, folder);
        return new VarveError(
          "INVALID_IMAGE",
          `${this.path} is not a whole OCI image layout: ${path} is missing`,
          {
            cause: error,
          },
        );
      }
      default:
        return readError(path, error);
    }
  }
}

function notRegular(path: string, kind: "file" | "folder"): VarveError {
  return new VarveError(
    "INVALID_IMAGE",
    `${path} is not a regular ${kind}, as an OCI image layout's must be; if it is a link that you trust, copy the layout with cp -rL`,
  );
}
