/** What an engine is, and which layers it has. */
import { type Digest, digestOf } from "#oci";
import type { DaemonClient } from "./client.ts";

/** An engine, as far as it has said what it is. */
export interface Engine {
  readonly isPodman: boolean;
  /** Whether it keeps images in containerd; else by a graph driver, or as podman does. */
  readonly usesContainerd: boolean;
  /** The chain IDs of the layers of its images: each stands for a layer with all those below it. */
  readonly chains: ReadonlySet<Digest>;
}

/** Of so many images, at most, it is asked which layers they have. */
const MOST_IMAGES = 500;

/** How many questions are asked at the same time. */
const AT_ONCE = 8;

/**
 * Asks an engine what it is and which layers its images have. The Docker Engine API knows the layers of whole images alone.
 * @returns undefined if it doesn't say
 * @throws VarveError `NETWORK` if it can't be reached, `ABORTED`
 */
export async function lookAtEngine(client: DaemonClient, signal?: AbortSignal): Promise<Engine | undefined> {
  const info = objectOf(await client.question("/info", signal));
  const status = info["DriverStatus"];
  if (status === undefined) return undefined;
  const { Components: components } = objectOf(await client.question("/version", signal));
  return {
    isPodman: listOf(components).some((part) => /podman/i.test(textOf(objectOf(part)["Name"]))),
    usesContainerd: listOf(status).some((pair) => /^io\.containerd\./.test(textOf(listOf(pair)[1]))),
    chains: await chainsOfImages(client, signal),
  };
}

async function chainsOfImages(
  client: DaemonClient,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<Digest>> {
  const images = listOf(await client.question("/images/json", signal));
  const ids = new Set(images.map((image) => textOf(objectOf(image)["Id"])));
  const chains = new Set<Digest>();
  // What isn't an ID would be another request.
  const left = [...ids].filter((id) => /^[a-z0-9:]+$/.test(id)).slice(0, MOST_IMAGES);
  const ask = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const image = objectOf(await client.question(`/images/${id}/json`, signal));
      const diffIds = listOf(objectOf(image["RootFS"])["Layers"]).map(textOf);
      let chain: Digest | undefined;
      for (const diffId of diffIds) {
        chain = chainOf(chain, diffId as Digest);
        chains.add(chain);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return chains;
}

/**
 * Whether an engine says of an image that it lacks blobs of it. Those before Docker 28 don't say.
 * @param image a name of it, and its manifest's digest
 * @throws VarveError `NETWORK` if it can't be reached, `ABORTED`
 */
export async function lacksContent(
  client: DaemonClient,
  image: { readonly name: string; readonly digest: Digest },
  signal?: AbortSignal,
): Promise<boolean> {
  const said = objectOf(await client.question(`/images/${image.name}/json?manifests=1`, signal));
  const manifests = listOf(said["Manifests"]).map(objectOf);
  return manifests.some((each) => each["ID"] === image.digest && each["Available"] === false);
}

/**
 * The chain ID of a layer: OCI image specification, config.md, "Layer ChainID".
 * @param below that of the layer below it; undefined for the lowest
 */
export function chainOf(below: Digest | undefined, diffId: Digest): Digest {
  return below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
