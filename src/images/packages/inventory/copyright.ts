/** Licences in Debian's machine-readable copyright files: "Machine-readable debian/copyright file" 1.0. */
import { paragraphsOf } from "./control.ts";
import { lineIn } from "./types.ts";

/** Debian's short names that aren't SPDX's: section 7.1. Others are those of versioned families, or the same. */
const NAMES: Readonly<Record<string, string>> = {
  expat: "MIT",
  "mit/x11": "X11",
  zlib: "Zlib",
  python: "Python-2.0",
  artistic: "Artistic-1.0",
  perl: "Artistic-1.0-Perl OR GPL-1.0-or-later",
  zope: "ZPL-2.1",
  "bsd-2-clause": "BSD-2-Clause",
  "bsd-3-clause": "BSD-3-Clause",
  "bsd-4-clause": "BSD-4-Clause",
  apache: "Apache-1.0",
  cc0: "CC0-1.0",
};

/** Families that say "or later" by a plus sign, whose SPDX names have two numbers. */
const FAMILY = /^((?:A|L)?GPL|GFDL)-(\d+(?:\.\d+)?)(\+)?$/i;

/**
 * The licences of a package's files, all of which hold.
 * @returns undefined for a text that isn't machine-readable
 */
export function copyrightLicence(text: string): string | undefined {
  if (!/^Format:.*copyright-format/im.test(text.slice(0, 2000))) return undefined;
  const paragraphs = paragraphsOf(text);
  const said = paragraphs
    .filter((paragraph) => paragraph["files"] !== undefined || paragraph["format"] !== undefined)
    .flatMap((paragraph) => lineIn(paragraph["license"]?.split("\n")[0], 200) ?? []);
  const all = [...new Set(said.map(expressionOf))];
  if (all.length === 0) return undefined;
  const joined = all
    .map((each) => (all.length > 1 && / (?:OR|AND) /.test(each) ? `(${each})` : each))
    .join(" AND ");
  return lineIn(joined, 2000);
}

/** Section 7.2: `and` binds more closely than `or`, and a comma before them less. */
function expressionOf(said: string): string {
  return said
    .split(/,? +or +/i)
    .map((each) => {
      const parts = each.split(/,? +and +/i).map(nameOf);
      return parts.length > 1
        ? parts.map((part) => (/ OR /.test(part) ? `(${part})` : part)).join(" AND ")
        : parts[0]!;
    })
    .join(" OR ");
}

function nameOf(said: string): string {
  const name = said.trim();
  const [, family, version = "", plus] = FAMILY.exec(name) ?? [];
  if (family !== undefined) {
    const full = version.includes(".") ? version : `${version}.0`;
    return `${family.toUpperCase()}-${full}-${plus ? "or-later" : "only"}`;
  }
  return NAMES[name.toLowerCase()] ?? name;
}
