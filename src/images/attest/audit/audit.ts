/** Holds advisories against what is in an image. */
import { PackageURL } from "packageurl-js";
import { compareNames } from "#util";
import type { BomComponent } from "../sbom/model.ts";
import { type Advisory, fixFor, isAffected } from "./osv.ts";
import type { VexStatement } from "./vex.ts";

/** A component that an advisory is about. */
export interface AuditFinding {
  readonly component: BomComponent;
  readonly advisory: Advisory;
  /** The version that mends it, if there is one. */
  readonly fixed?: string;
  /** Why somebody says that the image isn't affected. */
  readonly answer?: string;
}

interface Target {
  readonly component: BomComponent;
  readonly purl: PackageURL;
  /** The ecosystem, and its release where it has any: `Debian`, `12`. */
  readonly ecosystem: string;
  readonly release: string;
  readonly version: string;
}

/** Looks up components by the names that advisories have. */
export class Audit {
  readonly #targets = new Map<string, Target[]>();
  readonly #vex: readonly VexStatement[];
  readonly #found: AuditFinding[] = [];

  constructor(components: readonly BomComponent[], vex: readonly VexStatement[] = []) {
    this.#vex = vex;
    for (const component of components) {
      const target = targetOf(component);
      if (target === undefined) continue;
      const key = `${target.ecosystem} ${nameIn(target)}`;
      this.#targets.set(key, [...(this.#targets.get(key) ?? []), target]);
    }
  }

  /** Whether anything may be about one of the components; nothing else of an advisory needs to be read. */
  take(advisory: Advisory): void {
    for (const affected of advisory.affected) {
      const [ecosystem = "", release = ""] = affected.ecosystem.split(/:(.*)/s);
      const name = ecosystem === "PyPI" ? plainPython(affected.name) : affected.name;
      for (const target of this.#targets.get(`${ecosystem} ${name}`) ?? []) {
        if (!fitsRelease(target, release) || !isAffected(affected, target.version)) continue;
        const { component, purl } = target;
        if (this.#found.some((each) => each.component === component && each.advisory === advisory)) continue;
        const fixed = fixFor(affected, target.version);
        const names = [advisory.id, ...advisory.aliases];
        const answer = this.#vex.find((statement) => statement.isAbout(names, purl))?.reason;
        this.#found.push({
          ...{ component, advisory },
          ...(fixed !== undefined && { fixed }),
          ...(answer !== undefined && { answer }),
        });
      }
    }
  }

  /** What was found, in the order of components and of advisories' names. */
  findings(): AuditFinding[] {
    return this.#found.toSorted(
      (a, b) => compareNames(a.component.ref, b.component.ref) || compareNames(a.advisory.id, b.advisory.id),
    );
  }
}

/** Distributions as OSV calls them. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  "deb/debian": "Debian",
  "deb/ubuntu": "Ubuntu",
  "apk/alpine": "Alpine",
  "apk/wolfi": "Wolfi",
  "apk/chainguard": "Chainguard",
};

function targetOf(component: BomComponent): Target | undefined {
  const { purl: text, version, facts = {} } = component;
  if (text === undefined || version === "") return undefined;
  const purl = PackageURL.fromString(text);
  const release = purl.qualifiers?.["distro"]?.replace(/^[a-z0-9._]*?-/, "") ?? "";
  const base = { component, purl, release };
  if (purl.type === "npm") return { ...base, ecosystem: "npm", version };
  if (purl.type === "pypi") return { ...base, ecosystem: "PyPI", version };
  const ecosystem = DISTRIBUTIONS[`${purl.type}/${purl.namespace}`];
  if (ecosystem === undefined) return undefined;
  // Distributions' advisories are about what packages are built from.
  return { ...base, ecosystem, version: facts["source-version"] ?? version };
}

function nameIn({ component: { name, facts = {} }, ecosystem }: Target): string {
  return ecosystem === "PyPI" ? plainPython(name) : (facts["source"] ?? name);
}

function plainPython(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** `12` is Debian's release 12.5, `v3.20` Alpine's 3.20.3, `22.04:LTS` Ubuntu's 22.04; without one it is about all. */
function fitsRelease({ release }: Target, said: string): boolean {
  const wanted = said.replace(/^v|^Pro:/, "").replace(/:.*$/, "");
  return wanted === "" || release === "" || release === wanted || release.startsWith(`${wanted}.`);
}
