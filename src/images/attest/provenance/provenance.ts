/** How an image was made: SLSA provenance v1. */
import type { ReferencesGraph } from "#graph";
import type { Digest } from "#oci";
import { integrityHashes, narHashes } from "../sbom/hashes.ts";
import type { ComponentHash } from "../sbom/model.ts";
import { nixName } from "../sbom/nix-name.ts";
import { npmPurl, purlOf } from "../sbom/purl.ts";
import { digestSet } from "../statement.ts";

/** What a build of varve's is, and how its parameters are to be read: docs/attest.md, "Provenance". */
export const BUILD_TYPE = "https://varve.dev/build/v1";

/** Who built it if nobody says it: somebody with varve, on a machine of which nothing is known. */
export const UNKNOWN_BUILDER = "https://varve.dev/builder/unknown";

/** Where a build ran. */
export interface BuildRun {
  /** An URI that says whom to trust. */
  readonly builder: string;
  /** An URI or an id of this run. */
  readonly invocation?: string | undefined;
  /** What is said about the run by the system that it ran in; no secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
}

/** The revision of the project's files. */
export interface BuildSource {
  /** An address without credentials. */
  readonly repository?: string | undefined;
  readonly revision: string;
  /** Whether all files were as the revision has them. */
  readonly isClean: boolean;
}

export interface ProvenanceFacts {
  /** What the image was asked for by, as the user gave it. */
  readonly parameters: unknown;
  readonly platform: string;
  readonly graph: ReferencesGraph;
  readonly base?: { readonly name: string; readonly digest: Digest } | undefined;
  readonly source?: BuildSource | undefined;
  readonly run: BuildRun;
  /** varve's own version. */
  readonly version: string;
}

interface ResolvedDependency {
  readonly uri: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** The predicate that says how an image was made. It has no times: the same inputs give the same bytes in the same run. */
export function provenance(facts: ProvenanceFacts): object {
  const { parameters, platform, graph, base, source, run, version } = facts;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: { spec: parameters, platform },
      internalParameters: run.parameters ?? {},
      resolvedDependencies: [
        ...(source === undefined ? [] : [sourceDependency(source)]),
        ...(base === undefined ? [] : [baseDependency(base)]),
        ...graphDependencies(graph),
      ],
    },
    runDetails: {
      builder: { id: run.builder, version: { varve: version } },
      ...(run.invocation !== undefined && { metadata: { invocationId: run.invocation } }),
    },
  };
}

function sourceDependency({ repository, revision, isClean }: BuildSource): ResolvedDependency {
  return {
    uri: repository === undefined ? `git:${revision}` : `git+${repository}@${revision}`,
    digest: { gitCommit: revision },
    annotations: { clean: isClean },
  };
}

function baseDependency({ name, digest }: NonNullable<ProvenanceFacts["base"]>): ResolvedDependency {
  const [, repository = name] = /^(.*?)(?::[^:/]+)?(?:@.*)?$/.exec(name) ?? [];
  const uri = purlOf({
    type: "oci",
    name: repository.slice(repository.lastIndexOf("/") + 1).toLowerCase(),
    version: digest,
    qualifiers: { repository_url: repository },
  });
  return { uri: uri ?? `oci:${name}`, digest: digestSet(digest) };
}

/** What a lock file or Nix vouches for, each once, in order. */
function graphDependencies(graph: ReferencesGraph): ResolvedDependency[] {
  const found = new Map<string, ResolvedDependency>();
  for (const { id, name, version = "", integrity, narHash } of graph.components.values()) {
    const hashes = graph.kind === "nix" ? narHashes(narHash ?? "") : integrityHashes(integrity ?? "");
    if (hashes.length === 0) continue;
    const uri = graph.kind === "nix" ? storeUri(id) : name && npmPurl(name, version);
    if (uri === undefined || uri === "" || found.has(uri)) continue;
    found.set(uri, { uri, digest: Object.fromEntries(hashes.map(namedHash)) });
  }
  return [...found.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

function storeUri(id: string): string {
  const { name, version, output, hash } = nixName(id) ?? {};
  const purl =
    name && purlOf({ type: "nix", name, version: version!, qualifiers: { output, outputhash: hash } });
  return purl || `file://${id}`;
}

/** As in-toto's DigestSet calls algorithms. */
function namedHash({ algorithm, hex }: ComponentHash): [string, string] {
  return [algorithm.replace("-", "").toLowerCase(), hex];
}
