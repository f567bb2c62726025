/** Has an engine pull an image from varve itself, so that it takes what it lacks and nothing else. */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { VarveError } from "#errors";
import { type Layer, newManifest } from "#image";
import { DEFAULT_REGISTRY, type Manifest, parseReference, type RawDocument } from "#oci";
import { addManifest, type Collected, emptyCollection, type PullSide, SharedBlob, servePulls } from "#serve";
import { bytesSource } from "#util";
import type { FinishedImage } from "#write";
import type { DaemonClient } from "./client.ts";
import { type Engine, lacksContent } from "./engine.ts";

/** How long an engine may take to ask for something, in milliseconds: one that runs elsewhere never does. */
const PATIENCE = 15_000;

export interface PullOptions {
  readonly client: DaemonClient;
  readonly engine: Pick<Engine, "isPodman" | "usesContainerd">;
  readonly layers: readonly Layer[];
  readonly image: FinishedImage;
  /** Those that it gets in the engine; one at least, since an image without any would be gone at once. */
  readonly names: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Serves an image on a loopback port for as long as it takes an engine to pull it. Nobody else who may connect to the port knows what
 * the image is called.
 * @returns how many of the layers it has fetched; undefined where it didn't fetch all that it lacks, and has no image by the names then:
 *   containerd fetches no layer that it has unpacked before, be it of a blob in another compression, and what it then has can be run,
 *   but neither saved nor pushed
 * @throws VarveError `DAEMON`, `NETWORK`, `CANNOT_LISTEN`, `ABORTED`; then the engine may have some of its layers, and no image by
 *   any of the names
 */
export async function pullFromHere(options: PullOptions): Promise<number | undefined> {
  const { client, engine, image, layers, names, signal } = options;
  const repository = `varve-${randomBytes(16).toString("hex")}`;
  const collected = await offered(layers, image);
  const { digest } = addManifest(collected, manifestOf(layers, image));
  const asked = Promise.withResolvers<void>();
  const fetched = new Set<string>();
  const side = pullSideOf(repository, collected, { onAsk: asked.resolve, fetched });
  await using server = await servePulls(side, { listen: { host: "127.0.0.1", port: 0 } });
  const place = `${server.host.replace("localhost", "127.0.0.1")}/${repository}`;
  const name = `${place}@${digest}`;
  const path = engine.isPodman
    ? `/v4.0.0/libpod/images/pull?reference=${encodeURIComponent(name)}&tlsVerify=false`
    : `/images/create?fromImage=${encodeURIComponent(place)}&tag=${encodeURIComponent(digest)}`;
  await unlessIdle(asked.promise, signal, (signal) =>
    client.command("POST", path, { what: "pull the image from varve", signal }),
  );
  const fetchedLayers = layers.filter(({ descriptor }) => fetched.has(descriptor.digest)).length;
  try {
    const mayLack = engine.usesContainerd && fetchedLayers < layers.length;
    if (mayLack && (await lacksContent(client, { name, digest }, signal))) return undefined;
    for (const each of names) {
      const { repo, tag } = tagOf(each, engine);
      const query = `repo=${encodeURIComponent(repo)}&tag=${encodeURIComponent(tag)}`;
      await client.command("POST", `/images/${name}/tag?${query}`, {
        what: `name the image ${each}`,
        signal,
      });
    }
  } finally {
    // The name that it was pulled by leads nowhere from now on, and does no harm where the engine keeps it.
    const forgetting = client.command("DELETE", `/images/${name}?noprune=1`, {
      what: "forget a name",
      signal,
    });
    await forgetting.catch(() => {});
  }
  return fetchedLayers;
}

/** All that the engine may ask for. */
async function offered(layers: readonly Layer[], { config }: FinishedImage): Promise<Collected> {
  const collected = emptyCollection();
  const add = (descriptor: Layer["descriptor"], source: Pick<Layer, "open">) =>
    collected.blobs.set(descriptor.digest, new SharedBlob(descriptor, source, { temporary: tmpdir() }));
  for (const layer of layers) add(layer.descriptor, layer);
  add(config.descriptor, bytesSource(config.bytes));
  return collected;
}

/** The image's own manifest, if its layers are as that has them. */
export function manifestOf(
  layers: readonly Layer[],
  { manifest, config }: FinishedImage,
): RawDocument<Manifest> {
  const own = manifest.value.layers;
  const isOwn =
    own.length === layers.length && own.every(({ digest }, at) => digest === layers[at]!.descriptor.digest);
  if (isOwn) return manifest;
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const { annotations } = manifest.value;
  return newManifest({ config: config.descriptor, layers: descriptors, annotations });
}

/**
 * What there is to pull, in one repository.
 * @param fetched gets the digests of blobs that somebody has begun to read
 */
function pullSideOf(
  repository: string,
  { manifests, blobs }: Collected,
  { onAsk, fetched }: { readonly onAsk: () => void; readonly fetched: Set<string> },
): PullSide {
  const isHere = (name: string): boolean => {
    if (name === repository) onAsk();
    return name === repository;
  };
  return {
    manifest: (name, digest) => (isHere(name) ? manifests.get(digest) : undefined),
    blob(name, digest) {
      const blob = isHere(name) ? blobs.get(digest) : undefined;
      if (blob === undefined) return undefined;
      const open = (from: number, to: number) => {
        fetched.add(digest);
        return blob.open(from, to);
      };
      return { size: blob.size, open };
    },
    tags: () => undefined,
    referrers: () => [],
  };
}

/** Runs some work until it is clear that nobody asks for anything. */
async function unlessIdle(
  asked: Promise<void>,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const control = new AbortController();
  const stop = () => control.abort();
  const timer = setTimeout(stop, PATIENCE);
  asked.then(() => clearTimeout(timer));
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    await work(control.signal);
  } catch (error) {
    if (!control.signal.aborted || signal?.aborted) throw error;
    throw new VarveError("NETWORK", "the Docker daemon doesn't ask for the image at this machine's loopback");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** How an engine is told of a name. Podman puts images that come without a registry's name under `localhost`. */
function tagOf(name: string, { isPodman }: Pick<Engine, "isPodman">) {
  const { registry, repository, tag = "latest" } = parseReference(name);
  const isShort = registry === DEFAULT_REGISTRY && !/^(index\.)?docker\.io\//.test(name);
  const repo =
    isPodman && isShort
      ? `localhost/${repository.replace(/^library\/(?=[^/]+$)/, "")}`
      : `${registry}/${repository}`;
  return { repo, tag };
}
