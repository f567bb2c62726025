/** What varve reads of a project's package.json. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { checkSchema, parseJson, readWhole } from "#util";

const MAX_MANIFEST_SIZE = 16 * 1024 * 1024;

/** What is of another type than it should be counts as not there: only few of the fields matter to anybody. */
const text = z.string().optional().catch(undefined);
const texts = z.record(z.string(), z.string()).optional().catch(undefined);

const Manifest = z.looseObject({
  name: text,
  version: text,
  description: text,
  license: text,
  repository: z
    .union([z.string(), z.object({ url: z.string() }).transform(({ url }) => url)])
    .optional()
    .catch(undefined),
  main: text,
  type: text,
  bin: z
    .union([z.string(), z.record(z.string(), z.string())])
    .optional()
    .catch(undefined),
  scripts: texts,
  engines: texts,
  dependencies: texts,
  optionalDependencies: texts,
  devDependencies: texts,
  varve: z.unknown().optional(),
});

export type Manifest = z.output<typeof Manifest>;

/**
 * A project's package.json; one without any has nothing to say.
 * @throws VarveError `UNREADABLE`, `INVALID_JSON`, `INVALID_SPEC` if it is no object
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return {};
  const bytes = await readWhole(file, { limit: MAX_MANIFEST_SIZE });
  const value = parseJson(bytes, { what: file, maxBytes: MAX_MANIFEST_SIZE });
  return checkSchema(Manifest, value, { code: "INVALID_SPEC", what: file });
}
