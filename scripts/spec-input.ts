/** The type of image specs for programs, from the spec's schema: with a comment for each field, and without the schema's library. */
import { specJsonSchema } from "#spec";

interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
}

/** src/sources/spec/input.ts */
export function specInputSource(): string {
  const type = typeOf(specJsonSchema());
  return `// Made by \`npm run docs\` from the schema in spec.ts.

/**
 * An image spec as people write it: docs/spec.md. Paths in a spec that a program makes are absolute, or relative to the working
 * directory.
 */
export interface ImageSpecInput ${type}
`;
}

function typeOf(schema: Schema, indent = ""): string {
  const { anyOf, items, properties, type } = schema;
  const values = schema.enum ?? ("const" in schema ? [schema.const] : undefined);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf !== undefined) {
    const types = [...new Set(anyOf.map((each) => typeOf(each, indent)))];
    // A text says all that a single word does.
    return types.filter((each) => !(each.startsWith('"') && types.includes("string"))).join(" | ");
  }
  if (items !== undefined) {
    const item = typeOf(items, indent);
    return `readonly ${/[|"]/.test(item) && !item.startsWith("{") ? `(${item})` : item}[]`;
  }
  if (properties !== undefined && Object.keys(properties).length > 0) return membersOf(schema, indent);
  if (type === "object") {
    const { additionalProperties: values } = schema;
    return values ? `Readonly<Record<string, ${typeOf(values, indent)}>>` : "object";
  }
  return [...new Set([type ?? "unknown"].flat().map(plainType))].join(" | ");
}

function plainType(type: string): string {
  return type === "integer" ? "number" : type;
}

function membersOf({ properties = {}, required = [], additionalProperties }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).flatMap(([name, field]) => {
    const isRequired = required.includes(name);
    const type = typeOf(field, inner);
    const fallback = field.default === undefined ? "" : ` By default \`${JSON.stringify(field.default)}\`.`;
    const comment = `${field.description ?? ""}${fallback}`.trim();
    return [
      ...(comment === "" ? [] : [`${inner}/** ${comment} */`]),
      `${inner}readonly ${name}${isRequired ? "" : "?"}: ${type}${isRequired || type === "unknown" ? "" : " | undefined"};`,
    ];
  });
  const others =
    typeof additionalProperties === "object" ? [`${inner}readonly [field: string]: unknown;`] : [];
  return `{\n${[...lines, ...others].join("\n")}\n${indent}}`;
}
