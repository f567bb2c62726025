/** What an image was asked for by, without what only this machine knows. */
import { basename, isAbsolute, relative, resolve } from "node:path";
import type { SpecFields } from "#spec";

export interface PortableOptions {
  /** The folder that paths are written relative to. */
  readonly folder: string;
  /** The home folder of who builds, whose name is nobody's business. */
  readonly home?: string | undefined;
}

/** These fields are paths of this machine, or places of images, which may be. */
const PATHS: ReadonlySet<string> = new Set([
  ...["graph", "contents", "copyToRoot", "caCertificates", "lockFile", "weights", "layeringPipeline"],
  ...["fromImage", "layersFrom", "sharedWith", "from", "file"],
  // Of a base whose signature is demanded.
  ...["ref", "key", "trustedRoot", "tufRoot"],
]);

/** A spec's fields, in which paths are relative to the folder; of those outside of it there is only the last name. Store paths stay. */
export function portableFields(fields: SpecFields, options: PortableOptions): unknown {
  return portable(fields, { isPath: false, ...options });
}

function portable(value: unknown, context: PortableOptions & { readonly isPath: boolean }): unknown {
  if (typeof value === "string") return portableText(value, context);
  if (Array.isArray(value)) return value.map((each) => portable(each, context));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, portable(each, { ...context, isPath: PATHS.has(key) })]),
  );
}

function portableText(text: string, { folder, home, isPath }: PortableOptions & { isPath: boolean }): string {
  const root = resolve(folder);
  const [, transport = "", path = text] = /^((?:docker-archive|oci-archive|oci):)(\/.*)$/s.exec(text) ?? [];
  if (isPath && isAbsolute(path) && !path.startsWith("/nix/store/")) {
    const inside = relative(root, path);
    const isInside = inside !== ".." && !inside.startsWith("../") && !isAbsolute(inside);
    return transport + (isInside ? inside || "." : basename(path));
  }
  // A script's text, say, may have them, too.
  const known = root === "/" ? text : replaced(text, root, ".");
  return home === undefined || home === "/" ? known : replaced(known, home, "~");
}

/** The text with another path in place of one, where that ends there. */
function replaced(text: string, path: string, by: string): string {
  return text
    .split(path)
    .map((part, at, all) =>
      at === all.length - 1 ? part : part + (/^[\w.-]/.test(all[at + 1]!) ? path : by),
    )
    .join("");
}
