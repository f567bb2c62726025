/** An image that is looked at while it is made or read, and what is wrong with it. */
import type { DigestCache } from "#cache";
import { type Image, type ImageDraft, isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import {
  CHECK_FORMAT,
  checkImage,
  FACTS_FORMAT,
  type FactsStore,
  type Finding,
  type IgnoreRule,
  LayerObserver,
  type Sifted,
  sift,
} from "#inspect";
import type { ImageConfig, RawDocument } from "#oci";
import type { ImageSpec } from "#spec";
import type { Machine, Operation } from "./machine.ts";

export interface InspectionOptions {
  readonly machine: Pick<Machine, "cache" | "home">;
  /** The image that the layers are on; what it has by itself is told apart. */
  readonly base?: Image | undefined;
  readonly ignore?: readonly IgnoreRule[] | undefined;
  /** Absolute paths in the image at which something is mounted when it runs. */
  readonly mounted?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Looks at layers as they pass by, and at the image that they make. */
export class Inspection {
  readonly #options: InspectionOptions;
  readonly #observer: LayerObserver;
  #layers: (Layer | UnmeasuredLayer)[] = [];

  constructor(options: InspectionOptions) {
    this.#options = options;
    this.#observer = new LayerObserver(storeIn(options.machine.cache));
  }

  /** The same image, of whose layers is learned when somebody reads them. */
  image(image: Image): Image {
    return { ...image, layers: image.layers.map((layer) => this.#observer.watch(layer)) };
  }

  /** The same draft, of whose layers is learned when they are read. */
  draft(draft: ImageDraft): ImageDraft {
    const { unmeasuredLayers } = draft;
    return {
      layers: (signal) => this.#watched(draft.layers(signal)),
      ...(unmeasuredLayers && {
        unmeasuredLayers: (signal) => this.#watched(unmeasuredLayers.call(draft, signal)),
      }),
      finish: (layers) => draft.finish(layers),
    };
  }

  async *#watched<T extends Layer | UnmeasuredLayer>(
    layers: AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    this.#layers = [];
    for await (const layer of layers) {
      const same = this.#observer.watch(layer);
      this.#layers.push(same);
      yield same;
    }
  }

  /**
   * What is wrong with the image of the draft whose layers were read, or with these layers.
   * @throws VarveError what reading layers throws of which nothing is known; `INVALID_IMAGE`, `INVALID_SPEC`
   */
  async findings(
    config: RawDocument<ImageConfig>,
    layers: readonly (Layer | UnmeasuredLayer)[] = this.#layers,
  ): Promise<Sifted> {
    const { machine, base, ignore = [], mounted = [], signal } = this.#options;
    await this.#hearOfBase();
    // What is known of the layers decides, and not their diff IDs: after a changed line all is as it was.
    const identities: string[] = [];
    for (const layer of layers) {
      identities.push(
        await this.#observer.identityOf(isUnmeasured(layer) ? layer.measured() : layer, signal),
      );
    }
    const { Labels: _, ...run } = config.value.config ?? {};
    const parts = [
      ...[CHECK_FORMAT, FACTS_FORMAT, identities, run, config.value.architecture],
      ...[base?.config.descriptor.digest ?? null, base?.layers.length ?? 0, mounted, machine.home ?? null],
    ];
    const known = machine.cache?.facts(parts);
    const all =
      known === undefined
        ? await this.#check(config, layers)
        : (JSON.parse(Buffer.from(known).toString()) as Finding[]);
    if (known === undefined) machine.cache?.putFacts(parts, Buffer.from(JSON.stringify(all)));
    // Advisories aren't looked for here.
    const rules = ignore.filter(({ code }) => code !== "advisory");
    return await sift(all, rules);
  }

  /** Of a base's layers others may know what is learned from them, whom the user believes that; and are told what is learned here. */
  async #hearOfBase(): Promise<void> {
    const { machine, base } = this.#options;
    const { cache } = machine;
    if (cache === undefined) return;
    for (const { diffId } of base?.layers ?? []) {
      const parts = [FACTS_FORMAT, diffId];
      cache.shareFacts(parts);
      if (this.#observer.knows(diffId)) continue;
      const facts = await cache.claimedFacts(parts);
      if (facts !== undefined) this.#observer.believe(diffId, facts);
    }
  }

  async #check(
    { value }: RawDocument<ImageConfig>,
    layers: readonly (Layer | UnmeasuredLayer)[],
  ): Promise<Finding[]> {
    const { machine, base, mounted, signal } = this.#options;
    const observer = this.#observer;
    const facts = async function* () {
      for (const layer of layers)
        yield await observer.of(isUnmeasured(layer) ? layer.measured() : layer, signal);
    };
    return await checkImage({
      layers: facts(),
      config: value.config ?? {},
      architecture: value.architecture,
      base: base && { layers: base.layers.length, config: base.config.value.config ?? {} },
      mounted,
      home: machine.home,
    });
  }
}

function storeIn(cache: DigestCache | undefined): FactsStore | undefined {
  if (cache === undefined) return undefined;
  return {
    get: (diffId) => cache.facts([FACTS_FORMAT, diffId]),
    put: (diffId, facts) => cache.putFacts([FACTS_FORMAT, diffId], facts),
  };
}

/** The inspection of a spec's image. */
export function specInspection(
  { check, includeStorePaths }: Pick<ImageSpec, "check" | "includeStorePaths">,
  { operation, base }: { operation: Operation; base: Image | undefined },
): Inspection {
  const { machine, signal } = operation;
  // Store paths that aren't in the image are mounted where it runs.
  const mounted = includeStorePaths ? [] : ["/nix/store"];
  return new Inspection({ machine, base, ignore: check?.ignore, mounted, signal });
}

/** Errors that aren't the base's. */
export function ownErrors(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ severity, isBase }) => severity === "error" && !isBase);
}
