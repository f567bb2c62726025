import type * as z from "zod";
import { type ErrorCode, VarveError } from "../errors.ts";

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
  const where = path === "" ? "" : ` at ${path}`;
  throw new VarveError(code, `${what} isn't as it should be${where}: ${issue?.message ?? "unknown"}`);
}
