/**
 * JSON in one form only, as RFC 8785 has it: no space, and keys in the order of their code units. Numbers are whole here, so how others
 * would be written doesn't matter.
 */
export function canonicalJson(value: unknown): Buffer {
  return Buffer.from(written(value));
}

function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => written(each ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const fields = entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${JSON.stringify(key)}:${written(each)}`);
  return `{${fields.join(",")}}`;
}
