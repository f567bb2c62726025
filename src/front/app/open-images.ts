/** Opens images at places, for as long as they are read. */
import type { Image } from "#image";
import { parseSource } from "#transports";
import { Resources, type SpoolLimit } from "#util";
import type { Operation } from "./machine.ts";

/** Images that can be read until this is disposed of. */
export interface OpenImages extends AsyncDisposable {
  readonly images: readonly Image[];
}

/**
 * Opens the images at places.
 * @throws VarveError what opening and reading them throws; then none stays open
 */
export async function openImages(
  places: readonly string[],
  { machine: { transports }, read }: Pick<Operation, "machine" | "read">,
): Promise<OpenImages> {
  await using opened = new Resources();
  const images: Image[] = [];
  for (const place of places) images.push(await opened.use(await transports.source(place)).read(read));
  const all = opened.move();
  return { images, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

/**
 * Whether a place is nothing but the path of a docker-archive.
 * @throws VarveError what reading a place's name throws
 */
export async function isDockerArchive(text: string, limit: SpoolLimit): Promise<boolean> {
  const place = await parseSource(text, limit);
  return place.transport === "docker-archive" && place.path === text;
}
