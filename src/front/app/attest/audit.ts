/** Holds an offline database of advisories against an image. */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import {
  type Advisory,
  Audit,
  type AuditFinding,
  advisoriesIn,
  type BomComponent,
  vexStatements,
} from "#attest";
import { readError, VarveError } from "#errors";
import type { Finding } from "#inspect";
import type { Digest } from "#oci";
import { parseJson, readWhole, sortNames } from "#util";
import { zipFiles } from "./zip.ts";

/** What an image is held against. */
export interface AuditOptions {
  /**
   * Files of advisories in OSV's format: JSON of one or of a list, a folder of such files, or an archive of them as OSV publishes it
   * (`all.zip`). Nothing is fetched.
   */
  readonly audit?: readonly string[] | undefined;
  /** OpenVEX documents, which say what an image isn't affected by. */
  readonly vex?: readonly string[] | undefined;
}

/** A file of many advisories; OSV's own are one each, of some kilobytes. */
const MAX_FILE = 256 * 1024 * 1024;
const MAX_IN_ARCHIVE = 16 * 1024 * 1024;
const MAX_LIST = 512 * 1024 * 1024;

/**
 * Which advisories are about components of an image.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`; `INVALID_JSON` for what isn't an advisory, or not OpenVEX; `TOO_LARGE`
 */
export async function auditComponents(
  components: readonly BomComponent[],
  { audit = [], vex = [] }: AuditOptions,
  signal: AbortSignal | undefined,
): Promise<AuditFinding[]> {
  const statements = [];
  for (const path of vex) {
    const found = vexStatements(await jsonFile(path, signal));
    if (found === undefined)
      throw new VarveError("INVALID_JSON", `${path} is no OpenVEX document; name one with --vex`);
    statements.push(...found);
  }
  const held = new Audit(components, statements);
  for (const path of audit) for await (const advisory of advisoriesAt(path, signal)) held.take(advisory);
  return held.findings();
}

async function* advisoriesAt(
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Advisory, void, void> {
  const found = await stat(path).catch((error) => {
    throw readError(path, error);
  });
  if (found.isDirectory()) {
    for (const name of sortNames(await readdir(path))) {
      if (extname(name) === ".json")
        yield* checked(await jsonFile(join(path, name), signal), join(path, name));
    }
  } else if (extname(path) === ".zip") {
    for (const { name, bytes } of zipFiles(path, { maxFile: MAX_IN_ARCHIVE, maxList: MAX_LIST })) {
      if (signal?.aborted) throw new VarveError("ABORTED", `reading ${path} was cancelled`);
      const what = `${name} in ${path}`;
      if (extname(name) === ".json")
        yield* checked(parseJson(bytes, { what, maxBytes: MAX_IN_ARCHIVE }), what);
    }
  } else {
    yield* checked(await jsonFile(path, signal), path);
  }
}

async function jsonFile(path: string, signal: AbortSignal | undefined): Promise<unknown> {
  return parseJson(await readWhole(path, { limit: MAX_FILE, signal }), { what: path, maxBytes: MAX_FILE });
}

function checked(value: unknown, what: string): Advisory[] {
  const advisories = advisoriesIn(value);
  if (advisories !== undefined) return advisories;
  throw new VarveError(
    "INVALID_JSON",
    `${what} is no advisory in OSV's format, which has an id and a time of modification; name a file of one or of a list, a folder of them, or an archive as OSV publishes it`,
  );
}

/** What was found, as findings of a check, besides what somebody has answered. */
export function auditFindings(
  found: readonly AuditFinding[],
  baseLayers: ReadonlySet<Digest>,
): { findings: Finding[]; ignored: (Finding & { reason: string })[] } {
  const findings: Finding[] = [];
  const ignored: (Finding & { reason: string })[] = [];
  for (const each of found) {
    const finding = findingOf(each, baseLayers);
    if (each.answer === undefined) findings.push(finding);
    else ignored.push({ ...finding, reason: each.answer });
  }
  return { findings, ignored };
}

function findingOf({ component, advisory, fixed }: AuditFinding, baseLayers: ReadonlySet<Digest>): Finding {
  const { name, version, place, purl, ref, layer } = component;
  const [cve] = advisory.aliases.filter((alias) => alias.startsWith("CVE-") && alias !== advisory.id);
  const id = cve === undefined ? advisory.id : `${advisory.id}, ${cve}`;
  const about = advisory.summary === "" ? "" : `: ${advisory.summary}`;
  return {
    code: "advisory",
    severity: "error",
    // Of what is all over the image, there is no path.
    path: place ?? purl ?? ref,
    subject: advisory.id,
    component: name,
    message: `${name} ${version} has ${id}${about}; ${fixed === undefined ? "no version is known that mends it" : `${fixed} mends it`}`,
    isBase: layer !== undefined && baseLayers.has(layer),
  };
}
