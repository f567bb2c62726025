/** Puts together what an SBOM says. */
import { compareNames, sortNames } from "#util";
import type { Bom, BomComponent, BomPart, BomSubject, BomTool } from "./model.ts";

export interface BomOptions {
  readonly subject: BomSubject;
  readonly tool: BomTool;
}

/**
 * What is in an image. Neither the order of the parts nor that of what they need matters.
 * @param parts of two with the same id the first one counts
 */
export function makeBom(parts: Iterable<BomPart>, { subject, tool }: BomOptions): Bom {
  const byId = new Map<string, BomPart>();
  for (const part of parts) if (!byId.has(part.id)) byId.set(part.id, part);
  const refs = referencesOf([...byId.values()]);
  const components = [...byId.values()].map(({ id, dependsOn = [], hashes = [], ...facts }): BomComponent => {
    const needed = dependsOn
      .filter((other) => other !== id && byId.has(other))
      .map((other) => refs.get(other)!);
    const ordered = [...hashes].sort((a, b) => compareNames(a.algorithm, b.algorithm));
    return { ...facts, ref: refs.get(id)!, hashes: ordered, dependsOn: sortNames([...new Set(needed)]) };
  });
  components.sort((a, b) => compareNames(a.ref, b.ref));
  return { subject, tool, components, top: topOf(components) };
}

/** Package URLs, where they tell parts apart. */
function referencesOf(parts: readonly BomPart[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { purl } of parts) if (purl !== undefined) counts.set(purl, (counts.get(purl) ?? 0) + 1);
  return new Map(
    parts.map(({ id, purl }) => {
      // Bytes that are no text have no form in an URI.
      const own = id.isWellFormed() ? encodeURI(id) : encodeURI(JSON.stringify(id).slice(1, -1));
      if (purl === undefined) return [id, `varve:${own}`];
      return [id, counts.get(purl) === 1 ? purl : `${purl}#${own}`];
    }),
  );
}

/** The system and the applications; then what none of those that came before needs, so that everything is reached. */
function topOf(components: readonly BomComponent[]): string[] {
  const byRef = new Map(components.map((component) => [component.ref, component]));
  const needed = new Set(components.flatMap(({ dependsOn }) => dependsOn));
  const isFirst = ({ type, ref }: BomComponent) => type !== "library" && !needed.has(ref);
  const isUnneeded = ({ ref }: BomComponent) => !needed.has(ref);
  const seen = new Set<string>();
  const top: string[] = [];
  for (const isNext of [isFirst, isUnneeded, () => true]) {
    for (const component of components) {
      if (seen.has(component.ref) || !isNext(component)) continue;
      top.push(component.ref);
      const waiting = [component.ref];
      for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
        if (seen.has(ref)) continue;
        seen.add(ref);
        waiting.push(...byRef.get(ref)!.dependsOn);
      }
    }
  }
  return sortNames(top);
}
