/** What is written down of images as they are built: what they are made of, and how they were made. */
import { type BomPart, PredicateType, provenance, STATEMENT_TYPE, statement, UNKNOWN_BUILDER } from "#attest";
import type { ReferencesGraph } from "#graph";
import type { Image, ImageDraft, Layer } from "#image";
import { formatPlatform } from "#oci";
import type { SpecFields } from "#spec";
import { varveVersion } from "#util";
import type { WrittenImage } from "#write";
import type { Operation } from "../machine.ts";
import { builtParts, subjectOf } from "./contents.ts";
import { bomOf, SBOM_TYPES, sbomBytes } from "./formats.ts";
import { portableFields } from "./parameters.ts";
import { sourceOf } from "./source-revision.ts";
import type { AttestOptions, ImageDocument, ProvenanceOptions } from "./wanted.ts";

/** An image that was built, and where it is. */
export interface BuiltFacts {
  readonly draft: ImageDraft & {
    readonly graph: ReferencesGraph;
    readonly config: { WorkingDir?: string | null };
  };
  readonly layers: readonly Layer[];
  readonly base: Image | undefined;
  readonly baseName: string | undefined;
  readonly written: readonly WrittenImage[];
  /** The spec as people write it, and the folder that its paths are in. */
  readonly fields: SpecFields;
  readonly folder: string;
}

/**
 * Writes down what an image is made of and how it was made, for each digest that it has where it was written.
 * @throws VarveError what reading the base's layers throws, if they weren't read before
 */
export async function imageDocuments(
  built: BuiltFacts,
  { sbom = [], provenance: wanted }: AttestOptions,
  operation: Operation,
): Promise<ImageDocument[]> {
  const { draft, layers, base, written } = built;
  const { signal, machine } = operation;
  const { graph, config } = draft;
  const contents = { graph, layers, base, workingDir: config.WorkingDir };
  const parts: BomPart[] =
    sbom.length === 0 ? [] : await builtParts(contents, { cache: machine.cache, signal });
  const predicate = wanted && (await provenanceOf(built, wanted, operation));
  const finished = draft.finish(layers);
  const images = [...new Map(written.map((image) => [image.descriptor.digest, image])).values()];
  return images.flatMap(({ descriptor: { digest }, names }): ImageDocument[] => {
    const bom = bomOf(parts, subjectOf(finished, digest));
    const documents = sbom.map((format) => ({
      ...{ kind: format, subject: digest, mediaType: SBOM_TYPES[format] },
      ...{ predicateType: PredicateType[format], bytes: sbomBytes(bom, format) },
    }));
    if (predicate === undefined) return documents;
    const predicateType = PredicateType.provenance;
    const subject = [{ name: repositoryIn(names[0] ?? bom.subject.name), digest }];
    const bytes = statement({ subject, predicateType, predicate });
    return [
      ...documents,
      { kind: "provenance", subject: digest, mediaType: STATEMENT_TYPE, predicateType, bytes },
    ];
  });
}

async function provenanceOf(
  { draft, base, baseName, fields, folder, layers }: BuiltFacts,
  { builder }: ProvenanceOptions,
  { machine, signal }: Operation,
): Promise<object> {
  const { os, architecture, variant } = draft.finish(layers).config.value;
  const { run } = machine;
  const manifest = base?.manifest;
  return provenance({
    parameters: portableFields(fields, { folder, home: machine.home }),
    platform: formatPlatform({ os, architecture, ...(variant ? { variant } : {}) }),
    graph: draft.graph,
    base: manifest && { name: baseName ?? "base", digest: manifest.descriptor.digest },
    source: await sourceOf(folder, { machine, signal }),
    run: {
      builder: builder ?? run?.builder ?? UNKNOWN_BUILDER,
      invocation: run?.invocation,
      parameters: run?.parameters,
    },
    version: varveVersion(),
  });
}

/** A name without its tag. */
function repositoryIn(name: string): string {
  return name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
}
