import { VarveError } from "#errors";
import {
  archiveReferrers,
  dockerArchiveSink,
  dockerArchiveSource,
  fileOutput,
  layoutReferrers,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSink,
  ociLayoutSource,
} from "#formats";
import type { ImageSource } from "#image";
import { formatReference, parseReference, type Reference } from "#oci";
import type { ReferrerSource, ReferrerStore } from "#referrers";
import type {
  CredentialStore,
  Environment,
  HttpClient,
  RegistryClient,
  RegistryClientOptions,
  RequestEvent,
} from "#registry";
import type { SpoolLimit } from "#util";
import type { ImageSink } from "#write";
import { type Place, parseDestination, parseSource } from "./place.ts";

/** How places are opened. */
export interface TransportsOptions extends SpoolLimit {
  /** For proxies, credentials and the daemon's address. */
  readonly env: Environment;
  /** The user's home folder. */
  readonly home: string;
  /** Allows http to registries that aren't on this machine. */
  readonly insecure?: boolean;
  /** Certificates to trust beside the system's, in PEM. */
  readonly ca?: readonly string[];
  /**
   * How long to wait for a registry, in milliseconds: for a connection, for an answer, and for each 64 KiB of a body. 30 s, 5 min
   * and 1 min unless given.
   */
  readonly timeout?: number;
  /** Token servers, as `HOST:PORT` or a host's name, that may be sent a registry's credentials though they don't belong to it. */
  readonly trustedRealms?: readonly string[];
  /** Called for each request to a registry. */
  readonly onRequest?: (event: RequestEvent) => void;
}

/** Loading an HTTP client takes longer than building a small image, so it is loaded only when a place needs it. */
const registry = () => import("#registry");
const daemon = () => import("#daemon");

/** Opens places by their names. Connections are shared, and closed with it. */
export class Transports implements AsyncDisposable {
  readonly #options: TransportsOptions;
  readonly #clients = new Map<string, RegistryClient>();
  #http: HttpClient | undefined;

  constructor(options: TransportsOptions) {
    this.#options = options;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http?.close();
  }

  /**
   * Opens a place to read from; the caller closes the source.
   * @internal
   * @throws VarveError `USAGE`, `INVALID_REFERENCE`, `NOT_FOUND`, `INVALID_IMAGE`, `TOO_LARGE`
   */
  async source(text: string): Promise<ImageSource> {
    const { maxSpool } = this.#options;
    const place = await parseSource(text, { maxSpool });
    switch (place.transport) {
      case "docker-archive":
        return dockerArchiveSource({ ...place, maxSpool });
      case "oci":
        return ociLayoutSource(place);
      case "oci-archive":
        return ociArchiveSource({ ...place, maxSpool });
      case "docker": {
        const { registrySource } = await registry();
        const { reference } = place;
        return registrySource({ client: await this.client(reference.registry), reference });
      }
      case "docker-daemon": {
        const { dockerDaemonSource } = await daemon();
        const host = await this.#dockerHost();
        return dockerDaemonSource({ host, reference: familiarName(place), maxSpool });
      }
    }
  }

  /**
   * Opens what hangs on a place's image, to be read; the caller closes it.
   * @internal
   * @throws VarveError `USAGE` for a place that has nothing of the kind; `INVALID_REFERENCE`, `NOT_FOUND`, `INVALID_IMAGE`, `TOO_LARGE`
   */
  async referrerSource(text: string, signal?: AbortSignal): Promise<ReferrerSource> {
    const { maxSpool } = this.#options;
    const place = await parseSource(text, { maxSpool });
    if (place.transport === "oci-archive") return await archiveReferrers({ ...place, maxSpool }, signal);
    return await this.#referrersAt(place, text);
  }

  /**
   * Opens what hangs on a place's image, to be written to; the caller closes it.
   * @internal
   * @throws VarveError as {@link referrerSource}, and `USAGE` for an archive
   */
  async referrerStore(text: string): Promise<ReferrerStore> {
    const { maxSpool } = this.#options;
    const place = await parseSource(text, { maxSpool });
    return await this.#referrersAt(place, text);
  }

  /**
   * Opens what will hang on an image that is to be written to a place; the caller closes it.
   * @internal
   * @throws VarveError `USAGE` for a place that has nothing of the kind; `INVALID_REFERENCE`
   */
  async referrerDestination(text: string): Promise<ReferrerStore> {
    return await this.#referrersAt(await parseDestination(text), text);
  }

  async #referrersAt(place: Place, text: string): Promise<ReferrerStore> {
    if (place.transport === "oci") return layoutReferrers(place);
    if (place.transport === "docker") {
      const { registryReferrers } = await registry();
      const { reference } = place;
      return registryReferrers(await this.client(reference.registry), reference);
    }
    const reason =
      place.transport === "oci-archive"
        ? "is an archive, to which nothing is added"
        : `is a place of the kind ${place.transport}, which has no room for that`;
    throw new VarveError(
      "USAGE",
      `nothing can be attached to an image in ${text}, which ${reason}; use a registry or an OCI layout`,
    );
  }

  /**
   * Opens a place to write to.
   * @internal
   * @throws VarveError `USAGE`, `INVALID_REFERENCE`
   */
  async sink(text: string): Promise<ImageSink> {
    const place = await parseDestination(text);
    switch (place.transport) {
      case "docker-archive": {
        const { path, select } = place;
        const names =
          select === undefined ? undefined : [familiarName({ reference: parseReference(select) })];
        return dockerArchiveSink({ output: fileOutput(path), names });
      }
      case "oci":
        return ociLayoutSink({ path: place.path, tag: place.select });
      case "oci-archive":
        return ociArchiveSink({ output: fileOutput(place.path), tag: place.select });
      case "docker": {
        const { registrySink } = await registry();
        const { reference } = place;
        return registrySink({ client: await this.client(reference.registry), reference });
      }
      case "docker-daemon":
        return await this.daemonSink(familiarName(place));
    }
  }

  /**
   * Loads into the Docker daemon; under the names that an image comes with, unless one is given.
   * @internal
   */
  async daemonSink(reference?: string): Promise<ImageSink> {
    const { dockerDaemonSink } = await daemon();
    return dockerDaemonSink({ host: await this.#dockerHost(), reference });
  }

  /** The client of a registry, by default with the user's own credentials. */
  async client(name: string, credentials?: RegistryClientOptions["credentials"]): Promise<RegistryClient> {
    const { RegistryClient, HttpClient } = await registry();
    const { insecure = false, ca = [], env, timeout, trustedRealms = [], onRequest } = this.#options;
    this.#http ??= new HttpClient({
      insecure,
      ca,
      env,
      ...(timeout !== undefined && { timeouts: { connect: timeout, headers: timeout, body: timeout } }),
      ...(onRequest && { onRequest }),
    });
    const options = { registry: name, http: this.#http, trustedRealms };
    if (credentials !== undefined) return new RegistryClient({ ...options, credentials });
    let client = this.#clients.get(name);
    if (client === undefined) {
      const store = await this.credentials();
      client = new RegistryClient({ ...options, credentials: store.get });
      this.#clients.set(name, client);
    }
    return client;
  }

  /** The credentials that the user keeps. */
  async credentials(): Promise<CredentialStore> {
    const { credentialStore } = await registry();
    const { env, home } = this.#options;
    return credentialStore({ env, home });
  }

  async #dockerHost(): Promise<string> {
    const { dockerHost } = await daemon();
    return await dockerHost(this.#options.env, this.#options.home);
  }
}

function familiarName({ reference }: { reference: Reference }): string {
  return formatReference(reference, "familiar");
}
