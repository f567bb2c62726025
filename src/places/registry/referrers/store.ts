import { VarveError } from "#errors";
import type { Descriptor, ManifestOrIndex, Platform, Reference } from "#oci";
import { formatReference } from "#oci";
import type { ReferrerStore } from "#referrers";
import type { RegistryClient } from "../client.ts";
import { findManifest } from "../pull.ts";
import { repositoryStore } from "../push.ts";

/** What hangs on the images of a repository: OCI distribution specification, "Listing Referrers". */
export function registryReferrers(client: RegistryClient, reference: Reference): ReferrerStore {
  const { registry, repository } = reference;
  const get = (at: Reference, signal: AbortSignal | undefined) =>
    client.getManifest({ reference: at, signal });
  return {
    name: formatReference(reference, "familiar"),
    origin: { registry, repository },
    blobs: repositoryStore(client, reference),
    async subject(platform, signal): Promise<Descriptor> {
      if (platform === undefined) return (await get(reference, signal)).document.descriptor;
      return await imageFor(client, { reference, platform, signal });
    },
    referrers: (digest, query) => client.referrers({ repository, digest, ...query }),
    document: ({ digest }, signal) => get({ registry, repository, digest }, signal),
    async tagged(tag, signal): Promise<ManifestOrIndex | undefined> {
      return await get({ registry, repository, tag }, signal).catch((error: unknown) => {
        if (error instanceof VarveError && error.code === "IMAGE_NOT_FOUND") return undefined;
        throw error;
      });
    },
    blob: (descriptor, signal) => client.getBlob({ repository, descriptor, signal }),
    async put({ bytes, descriptor: { mediaType, digest } }, { tag, signal }) {
      const place = tag === undefined ? { registry, repository, digest } : { registry, repository, tag };
      await client.putManifest({ reference: place, bytes, mediaType, signal });
    },
    putReferrers: (subject, documents, signal) =>
      client.putReferrers({ repository, subject, documents, signal }),
    async [Symbol.asyncDispose]() {},
  };
}

/** The manifest of the image for a platform; of an image that is the only one, whatever it is for. */
async function imageFor(
  client: RegistryClient,
  {
    reference,
    platform,
    signal,
  }: { reference: Reference; platform: Platform; signal: AbortSignal | undefined },
): Promise<Descriptor> {
  const { manifest } = await findManifest(client, { reference, options: { platform, signal } });
  return manifest.descriptor;
}
