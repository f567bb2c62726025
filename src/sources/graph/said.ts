/** What a `package.json` says of the package besides what is needed to use it. */
import { isObject, type JsonObject } from "./file.ts";
import type { Component } from "./references-graph.ts";

/** Where its sources are, its licence, and who made it; each where it says so. */
export function saidIn(manifest: JsonObject): Pick<Component, "repository" | "license" | "author"> {
  const repository = fieldOf(manifest["repository"], "url");
  const license = licenceIn(manifest);
  const author = authorIn(manifest["author"]);
  return {
    ...(repository !== undefined && { repository }),
    ...(license !== undefined && { license }),
    ...(author !== undefined && { author }),
  };
}

/** Old packages have a list of licences, of which each will do. */
function licenceIn({ license, licenses }: JsonObject): string | undefined {
  const said = fieldOf(license, "type");
  if (said !== undefined || !Array.isArray(licenses)) return said;
  const names = licenses.flatMap((each) => fieldOf(each, "type") ?? []);
  if (names.length === 0) return undefined;
  return names.length === 1 ? names[0] : `(${names.join(" OR ")})`;
}

function authorIn(author: unknown): string | undefined {
  const name = fieldOf(author, "name");
  const email = isObject(author) ? textOf(author["email"]) : undefined;
  return name === undefined || email === undefined ? name : `${name} <${email}>`;
}

/** A text, or that of an object's field. */
function fieldOf(value: unknown, field: string): string | undefined {
  return textOf(isObject(value) ? value[field] : value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
