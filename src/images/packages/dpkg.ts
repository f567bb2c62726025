/** Debian's packages: dpkg's own database, and the one that distroless images have in its place. */
import { type Reading, versionIn } from "./types.ts";

const LIST = /^var\/lib\/dpkg\/info\/([^/]+)\.list$/;
const DISTROLESS = /^var\/lib\/dpkg\/status\.d\/([^/]+?)(\.md5sums)?$/;

/** Whether a path is a part of the database. */
export function isDpkg(path: string): boolean {
  return path === "var/lib/dpkg/status" || LIST.test(path) || DISTROLESS.test(path);
}

/** Reads which files Debian packages have. */
export async function readDpkg(reading: Reading): Promise<void> {
  const { files, packages, claims } = reading;
  const versions = new Map<string, string>();
  for (const stanza of stanzas(await reading.text("var/lib/dpkg/status"))) {
    const { Package: name = "", Version, Architecture = "" } = stanza;
    versions.set(name, versionIn(Version));
    versions.set(`${name}:${Architecture}`, versionIn(Version));
  }
  for (const path of files.keys()) {
    const [, name] = LIST.exec(path) ?? [];
    if (name === undefined) continue;
    const id = `dpkg:${name}`;
    packages.set(id, { id, version: versions.get(name) ?? "" });
    for (const line of (await reading.text(path)).split("\n")) claims.claim(line, id);
  }
  for (const path of files.keys()) {
    const [, name, sums] = DISTROLESS.exec(path) ?? [];
    if (name === undefined) continue;
    const id = `dpkg:${name}`;
    if (sums === undefined) {
      const [stanza] = stanzas(await reading.text(path));
      packages.set(id, { id, version: versionIn(stanza?.["Version"]) });
      continue;
    }
    if (!packages.has(id)) packages.set(id, { id, version: "" });
    for (const line of (await reading.text(path)).split("\n")) claims.claim(line.slice(34), id);
  }
}

/** The paragraphs of a control file, each with the fields of one line that are wanted. */
function stanzas(text: string): Partial<Record<string, string>>[] {
  return text.split(/\n\n+/).map((paragraph) => {
    const fields = [...paragraph.matchAll(/^(Package|Version|Architecture): *(\S+) *$/gm)];
    return Object.fromEntries(fields.map(([, name, value]) => [name, value]));
  });
}
