/** `varve.bake.json`: many images, what they have in common, groups of them, and variables. */
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { VarveError } from "#errors";
import { checkSchema, nearest } from "#util";
import { changeOf, type RawTarget } from "./bake-set.ts";
import { filledIn, variableValues } from "./bake-variables.ts";
import { isFields, readSpecJson, type SpecFields, withPaths } from "./read.ts";
import { specJsonSchema } from "./spec.ts";
import { strictFields } from "./strict.ts";

const Name = z.string().regex(/^[A-Za-z0-9_.-]+$/, "must be letters, digits, _, . and -");
const Names = z.array(z.string());

const own = {
  context: z
    .string()
    .min(1)
    .optional()
    .describe("A project's folder, or a spec; without it the target's fields are the whole spec."),
  inherits: Names.optional().describe(
    "Other targets, whose fields this one has, too: those of later ones count, and its own before all.",
  ),
  tags: Names.optional().describe("References in registries, at which --push puts the image."),
  platforms: Names.optional().describe(
    "What the image is for; several make an index over an image for each.",
  ),
};

const Target = z.union([z.string().min(1), z.looseObject(own)], {
  error: "must be a target, or the path of a spec or of a project's folder",
});

const Variable = z.union(
  [z.string(), strictFields({ default: z.string().optional(), description: z.string().optional() })],
  { error: "must be a text, or an object with default and description" },
);

const Group = z.union([Names, strictFields({ targets: Names, description: z.string().optional() })], {
  error: "must be a list of targets, or an object with targets",
});

const BakeFile = strictFields({
  $schema: z.string().optional(),
  lockFile: z.string().min(1).optional().describe("One file for the layouts of all images."),
  variable: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/, "must be a variable's name"), Variable)
    .default({})
    .describe(
      "Variables, which stand in texts as a name in braces after a dollar sign; the environment's value counts before the default.",
    ),
  group: z
    .record(Name, Group)
    .default({})
    .describe("Targets and groups under one name; default is what is built."),
  target: z
    .record(Name, Target)
    .default({})
    .describe("The images. One whose name begins with _ is only there to be inherited from."),
}).describe("Images for varve bake.");

/** A target as it is meant. */
export interface FileTarget {
  readonly name: string;
  /** An absolute path; undefined where the fields are the whole spec. */
  readonly context: string | undefined;
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
  /** Fields of a spec, with absolute paths. */
  readonly fields: SpecFields;
}

/** What a file with targets says. */
export interface FileTargets {
  /** Those that are meant, each once. */
  readonly targets: readonly FileTarget[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** An absolute path. */
  readonly lockFile: string | undefined;
}

export interface BakeFileOptions {
  /** Names of targets and groups; those of the group `default` unless given, or all. */
  readonly names?: readonly string[] | undefined;
  /** Where variables get their values. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Values such as `api.tag=1`, `*.platforms=linux/arm64`, `api.labels.team=a`. */
  readonly set?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `readBakeFile` does. */
export async function readTargets(path: string, options: BakeFileOptions = {}): Promise<FileTargets> {
  const { names = [], environment = {}, set = [], signal } = options;
  const file = checkSchema(BakeFile, await readSpecJson(path, signal), { code: "INVALID_SPEC", what: path });
  const folder = dirname(resolve(path));
  const values = variableValues(file.variable, environment);
  const fill = <T>(value: T, where: string) => filledIn(value, { values, what: `${path}: ${where}` });
  const groups = Object.fromEntries(
    Object.entries(file.group).map(([name, group]) => [name, Array.isArray(group) ? group : group.targets]),
  );
  const raw = new Map<string, RawTarget>(
    Object.entries(file.target).map(([name, target]) => [
      name,
      typeof target === "string" ? { context: target } : target,
    ]),
  );
  const meant = namesOf(names, { raw, groups, path });
  const changes = set.map((text) => changeOf(text, [...raw.keys()]));
  const targets = meant.map((name): FileTarget => {
    const whole = inherited(name, { raw, path, below: [] });
    const changed = changes.reduce((target, change) => change(name, target), whole);
    const filled = fill(changed, `the target ${name}`);
    return targetOf(
      name,
      checkSchema(z.looseObject(own), filled, {
        code: "INVALID_SPEC",
        what: `the target ${name} of ${path}`,
      }),
      folder,
    );
  });
  const lockFile = file.lockFile === undefined ? undefined : resolve(folder, fill(file.lockFile, "lockFile"));
  return { targets, groups, lockFile };
}

function targetOf(
  name: string,
  { context, inherits: _, tags = [], platforms = [], ...fields }: z.output<z.ZodObject<typeof own>>,
  folder: string,
): FileTarget {
  return {
    name,
    context: context === undefined ? undefined : resolve(folder, context),
    tags,
    platforms,
    fields: withPaths(fields as SpecFields, folder),
  };
}

interface Known {
  readonly raw: ReadonlyMap<string, RawTarget>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly path: string;
}

/** The targets that names mean, in the file's order. */
function namesOf(names: readonly string[], { raw, groups, path }: Known): string[] {
  const all = [...raw.keys()].filter((name) => !name.startsWith("_"));
  const given = names.length > 0 ? names : "default" in groups ? ["default"] : all;
  const found = new Set<string>();
  const seen = new Set<string>();
  const add = (name: string): void => {
    if (raw.has(name)) found.add(name);
    else if (Object.hasOwn(groups, name)) {
      // A group that is in itself has no more for that.
      if (seen.has(name)) return;
      seen.add(name);
      for (const each of groups[name]!) add(each);
    } else throw unknown(name, { known: [...raw.keys(), ...Object.keys(groups)], path });
  };
  for (const name of given) add(name);
  if (found.size === 0)
    throw new VarveError("INVALID_SPEC", `${path} has no targets; add one under "target"`);
  return [...raw.keys()].filter((name) => found.has(name));
}

function unknown(name: string, { known, path }: { known: readonly string[]; path: string }): VarveError {
  const near = nearest(name, known);
  const hint =
    near === undefined ? `; there are ${known.slice(0, 10).join(", ")}` : `; did you mean ${near}?`;
  return new VarveError("USAGE", `${path} has no target or group ${name}${hint}`);
}

/** A target's fields with those that it inherits. */
function inherited(
  name: string,
  { raw, path, below }: { raw: Known["raw"]; path: string; below: readonly string[] },
): RawTarget {
  if (below.includes(name)) {
    throw new VarveError(
      "INVALID_SPEC",
      `${path}: the target ${name} inherits from itself, by way of ${below.join(" and ")}; take one of these out`,
    );
  }
  const target = raw.get(name);
  if (target === undefined) throw unknown(name, { known: [...raw.keys()], path });
  const parents = Array.isArray(target["inherits"]) ? (target["inherits"] as string[]) : [];
  const known = { raw, path, below: [...below, name] };
  return [...parents.map((parent) => inherited(parent, known)), target].reduce(joined, {});
}

/** What is named by keys is joined, and anything else replaced. */
function joined(one: RawTarget, other: RawTarget): RawTarget {
  const result: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = result[key];
    result[key] =
      isFields(before) && isFields(value) ? joined(before as RawTarget, value as RawTarget) : value;
  }
  return result;
}

/** What `bakeJsonSchema` returns. */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(BakeFile, { io: "input" }) as { properties: Record<string, object> };
  const spec = specJsonSchema() as { properties: Record<string, object> };
  const { $schema: _, ...fields } = spec.properties;
  const target = z.toJSONSchema(strictFields(own), { io: "input" }) as { properties: Record<string, object> };
  const whole = {
    type: "object",
    properties: { ...target.properties, ...fields },
    additionalProperties: false,
  };
  const { target: all } = schema.properties;
  return {
    ...schema,
    properties: {
      ...schema.properties,
      target: { ...all, additionalProperties: { anyOf: [{ type: "string", minLength: 1 }, whole] } },
    },
  };
}
