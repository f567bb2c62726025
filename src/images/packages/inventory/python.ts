/** Python's packages: "Recording installed projects", and the core metadata of each. */
import { fieldsOf, type Paragraph } from "./control.ts";
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

const METADATA = /(?:^|\/)(?:[^/]+\.dist-info\/METADATA|[^/]+\.egg-info(?:\/PKG-INFO)?)$/;

/** Whether a path has something of Python's packages. */
export function isPythonPart(path: string): boolean {
  return (path.endsWith("METADATA") || path.includes(".egg-info")) && METADATA.test(path);
}

/** Python's packages that are installed. */
export function pythonPackages(root: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, needs: readonly string[]][] = [];
  const byName = new Map<string, string[]>();
  for (const path of root.paths.filter(isPythonPart)) {
    // A description follows, which may look like fields.
    const [head = ""] = root
      .text(path)
      .replaceAll("\r\n", "\n")
      .split(/\n[ \t]*\n/, 1);
    const metadata = fieldsOf(head);
    const name = lineIn(metadata["name"]);
    if (name === undefined) continue;
    const id = `python:${path}`;
    const folder = path.replace(/\/(?:METADATA|PKG-INFO)$/, "");
    found.push([
      {
        ...{ id, kind: "pypi", name, version: lineIn(metadata["version"]) ?? "", place: folder },
        ...fields({ licence: licenceIn(metadata, head), author: authorIn(metadata) }),
        layer: layerOf(root.tree, path),
      },
      requiredIn(head),
    ]);
    byName.set(plain(name), [...(byName.get(plain(name)) ?? []), id]);
  }
  return found.map(([made, needed]) => {
    return { ...made, needs: needed.flatMap((name) => byName.get(plain(name))?.[0] ?? []) };
  });
}

/** "Names and normalization". */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** What is needed by what only some use isn't. */
function requiredIn(head: string): string[] {
  return [...head.matchAll(/^Requires-Dist:[ \t]*([A-Za-z0-9][\w.-]*)(.*)$/gm)]
    .filter(([, , rest = ""]) => !/;.*\bextra\b/.test(rest))
    .map(([, name]) => name!);
}

const CLASSIFIERS: Readonly<Record<string, string>> = {
  "MIT License": "MIT",
  "Apache Software License": "Apache-2.0",
  "BSD License": "BSD-3-Clause",
  "ISC License (ISCL)": "ISC",
  "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
  "Python Software Foundation License": "PSF-2.0",
  "The Unlicense (Unlicense)": "Unlicense",
};

/** An expression, or the short text that was the custom before there were any, or a classifier. */
function licenceIn(metadata: Paragraph, head: string): string | undefined {
  const said = lineIn(metadata["license-expression"]) ?? lineIn(metadata["license"], 100);
  if (said !== undefined && said !== "UNKNOWN") return said;
  const [, classifier] = /^Classifier:[ \t]*License :: (?:OSI Approved :: )?([^:\n]+?)\s*$/m.exec(head) ?? [];
  return classifier === undefined ? undefined : (CLASSIFIERS[classifier] ?? lineIn(classifier));
}

function authorIn(metadata: Paragraph): string | undefined {
  const [name, email] = [lineIn(metadata["author"]), lineIn(metadata["author-email"])];
  // Newer tools write the name and the address into one field.
  if (name === undefined || email === undefined || email.includes("<")) return name ?? email;
  return `${name} <${email}>`;
}
