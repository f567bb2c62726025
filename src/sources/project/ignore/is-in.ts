/** Whether what is to be run is in the image. */
import { VarveError } from "#errors";
import type { NodeCommand } from "../command/start.ts";
import type { OwnFiles } from "./own-files.ts";

/** @throws VarveError `INVALID_SPEC` if the file that is to be run stays out of the image */
export function checkIsIn({ file, from }: NodeCommand, { out }: Pick<OwnFiles, "out">): void {
  const holder = out.find(({ path }) => file === path || file.startsWith(`${path}/`));
  if (holder === undefined) return;
  const { path, reason, pattern } = holder;
  const why = pattern === undefined ? reason : `${reason}, by the pattern ${JSON.stringify(pattern)}`;
  throw new VarveError(
    "INVALID_SPEC",
    `${file}, which is to be run (from ${from}), stays out of the image (${why}); let it in with "include": [${JSON.stringify(path)}] in the spec`,
  );
}
