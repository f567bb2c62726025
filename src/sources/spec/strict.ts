/** Objects whose fields are known by name, and what is said of those that aren't. */
import * as z from "zod";
import { nearest } from "#util";

/** What other tools call fields. */
const THEIR_WORDS: Readonly<Record<string, string>> = {
  base: "fromImage",
  baseImage: "fromImage",
  command: "cmd",
  environment: "env",
  from: "fromImage",
  image: "fromImage",
  port: "expose",
  ports: "expose",
};

/** An object that has these fields and no other; of another the error says which one may have been meant. */
export function strictFields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const [key = ""] = issue.keys as string[];
      const own = Object.hasOwn(THEIR_WORDS, key) ? THEIR_WORDS[key] : undefined;
      const near = own !== undefined && known.includes(own) ? own : nearest(key, known);
      const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
      return `it has no field ${JSON.stringify(key.slice(0, 100))}${hint}`;
    },
  });
}
