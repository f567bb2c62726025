import type * as z from "zod";
import { type ErrorCode, VarveError } from "#errors";

/**
 * Checks a value against a schema.
 * @param what names the value in the error, such as a file's path
 * @throws VarveError with `code`, naming the first field that doesn't fit
 */
export function checkSchema<T>(
  schema: z.ZodType<T>,
  value: unknown,
  { code, what }: { code: ErrorCode; what: string },
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.map(String).join(".") ?? "";
  const where = path === "" ? "" : ` at ${bounded(path)}`;
  const fault = bounded(issue?.message ?? "unknown");
  throw new VarveError(code, `${what} isn't as it should be${where}: ${fault}`);
}

/** Keys in a foreign document can be of any length, but a message should stay readable. */
function bounded(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
