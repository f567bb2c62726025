/** Builds an image from a spec, and writes it to places. */
import { draftImage } from "#draft";
import { VarveError } from "#errors";
import type { Image } from "#image";
import type { Sifted } from "#inspect";
import { formatLayout, type Layout } from "#layering";
import type { Digest } from "#oci";
import type { ScriptName } from "#sandbox";
import type { ImageSpec, ImageSpecInput } from "#spec";
import { bytesSource, writeFileAtomically } from "#util";
import { type LayerContents, layerContents } from "./contents.ts";
import { ownErrors, specInspection } from "./inspection.ts";
import { type Operation, type OperationOptions, operate } from "./machine.ts";
import {
  described,
  openTargets,
  outputPaths,
  type Target,
  type WritingOptions,
  type Written,
  writeTo,
} from "./places.ts";
import { pullCaches, pushCaches } from "./shared-cache.ts";
import { openSource, type SourceListener, type SpecSource, sourceOnBase } from "./source.ts";
import { againIfStale, openSpecImages } from "./spec-images.ts";

/** Further options of operations on specs. */
export interface SpecOptions extends OperationOptions, SourceListener {
  /** Receives each line that a script of the spec writes, as it comes. */
  readonly onOutput?: ((line: string, script: ScriptName) => void) | undefined;
}

/** Where an image that is built goes, and how. */
export interface BuildOptions extends SpecOptions, WritingOptions {
  /** False to write the image whatever is wrong with it; nothing is looked for then. */
  readonly check?: boolean | undefined;
  /** Gets what is wrong with the image, before an error among it fails the build. */
  readonly onFindings?: ((findings: Sifted) => void) | undefined;
  /** Where the image goes; each layer is made once for all of them. */
  readonly to: readonly Target[];
  /** Tags in registries from which digests are added to the cache before the build. */
  readonly cacheFrom?: readonly string[] | undefined;
  /** Tags in registries to which this build's digests are added. */
  readonly cacheTo?: readonly string[] | undefined;
}

/** An image that was built. */
export interface BuiltImage {
  /** Of its manifest at the first place, or where that has none of its config. */
  readonly digest: Digest;
  /** The names that it has there. */
  readonly names: readonly string[];
  /** The image as it is at each place, in their order. */
  readonly places: readonly Written[];
  /** What each of its layers has, in the order of theirs. */
  readonly contents: readonly LayerContents[];
  /** What its base is called; undefined without one. */
  readonly base: string | undefined;
  /** The ports that it exposes, such as `3000/tcp`. */
  readonly ports: readonly string[];
}

/**
 * Builds the image that a spec asks for, and writes it to all places.
 * @param spec - the path of a spec or of a project's folder, or a spec whose paths are relative to the working directory
 * @throws VarveError `USAGE` without a place; `INVALID_SPEC`, `NOT_FOUND`, `UNREADABLE`, and what reading the graph and the base,
 *   running scripts and writing throw; `CHECK_FAILED` for an image that is sure to fail; the places then have no image that wasn't there
 */
export async function build(spec: string | ImageSpecInput, options: BuildOptions): Promise<BuiltImage> {
  return await operate(options, async ({ machine, signal }) =>
    buildFrom(await openSource(spec, { machine, signal }), { ...options, machine }),
  );
}

/** As {@link build}, of a spec that was read. */
export async function buildFrom(source: SpecSource, options: BuildOptions): Promise<BuiltImage> {
  const { to, cacheFrom = [], cacheTo = [], onNote } = options;
  if (to.length === 0)
    throw new VarveError("USAGE", "there is no place to write the image to; name one in `to`");
  return await operate(options, async (operation) => {
    const { machine } = operation;
    const sinks = await openTargets(to, machine);
    const outputs = await outputPaths(to);
    await pullCaches(cacheFrom, { ...operation, onNote });
    await using images = await openSpecImages(source.spec, operation);
    const { spec: checked, leftOut } = sourceOnBase(source, images.base, options);
    const attempt = async () => {
      const inspection =
        options.check === false ? undefined : specInspection(checked, { operation, base: images.base });
      const base = (images.base && inspection?.image(images.base)) ?? images.base;
      const given = { ...inputs(operation, options), ...images, base, outputs, leftOut };
      await using draft = await draftImage(checked, given);
      const written = await writeTo(inspection?.draft(draft) ?? draft, {
        sinks,
        operation,
        options,
        examine: inspection && (async ({ config }) => examine(await inspection.findings(config), options)),
      });
      await remember(checked, draft.layout);
      const places = written.map(described);
      const [first] = places as [Written, ...Written[]];
      const { digest, names } = first;
      const ports = Object.keys(draft.config.ExposedPorts ?? {}).sort();
      const contents = layerContents(first.layers, { graph: draft.graph, base: images.base });
      return { digest, names, places, contents, base: nameOfBase(checked, images.base), ports };
    };
    // What the reader of a stream has got can't be taken back.
    const streams = sinks.some(({ isStream }) => isStream);
    const built = streams ? await attempt() : await againIfStale(attempt, { machine, onNote });
    await pushCaches(cacheTo, { ...operation, onNote });
    return built;
  });
}

/** What people call a base: its own name, if it has one, or where it is. */
function nameOfBase({ fromImage }: ImageSpec, base: Image | undefined): string | undefined {
  return base === undefined ? undefined : (base.names[0] ?? fromImage);
}

/** Lets an image fail that is sure to fail. @throws VarveError `CHECK_FAILED` */
function examine(sifted: Sifted, { onFindings }: BuildOptions): void {
  onFindings?.(sifted);
  const [first, ...others] = ownErrors(sifted.findings);
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more of its kind)`;
  throw new VarveError(
    "CHECK_FAILED",
    `the image would fail: ${first.path}: ${first.message} (${first.code})${more}; mend it, or let the spec's check.ignore say why it is right`,
  );
}

/** What a draft needs from an operation. */
export function inputs({ machine, read, signal }: Operation, { onNote, onOutput }: SpecOptions) {
  const { cache, path, temporary, maxSpool } = machine;
  const { architecture } = read.platform;
  return { architecture, now: machine.now(), cache, path, temporary, maxSpool, signal, onNote, onOutput };
}

/** Writes the layout down, whole or not at all, for the next build to keep to. */
async function remember({ lockFile }: ImageSpec, layout: Layout): Promise<void> {
  if (lockFile === undefined) return;
  await writeFileAtomically(lockFile, bytesSource(Buffer.from(formatLayout(layout))).open());
}
