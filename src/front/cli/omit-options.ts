/** Which packages are in the image, for a Node project in npm's words. */
import { type Command, InvalidArgumentError } from "commander";
import type { ImageSpecInput } from "#spec";
import { list } from "./options.ts";

/** What the options are, as commander names them. */
export interface OmitOptions {
  readonly omit?: readonly "dev"[];
  readonly include?: readonly "dev"[];
  readonly exclude?: ImageSpecInput["exclude"];
}

/** Adds the options. */
export function omitOptions(command: Command): Command {
  return command
    .option("--omit <type>", "leave out a Node project's packages of a type: dev", types)
    .option(
      "--include <type>",
      "have a Node project's packages of a type in the image, whatever omits them: dev",
      types,
    )
    .option(
      "--exclude <id>",
      "leave out a package by its path, such as node_modules/left-pad, or a store path; may be given several times",
      list,
    );
}

function types(text: string, previous: readonly string[] | undefined): readonly string[] {
  if (text === "dev") return list(text, previous);
  throw new InvalidArgumentError(
    text === "optional" || text === "peer"
      ? `It must be dev; ${text} packages are in the image if they are installed.`
      : 'It must be dev, the packages for development; files are let in by "include" in the spec.',
  );
}

/** What the options say of a spec's `omit`: as with npm, what is included isn't omitted, whichever comes first. */
export function omitField(
  { omit, include }: OmitOptions,
  fields: Partial<ImageSpecInput>,
): Pick<ImageSpecInput, "omit"> {
  if (include?.includes("dev")) {
    const others = (omit ?? fields.omit ?? []).filter((type) => type !== "dev");
    return { omit: others };
  }
  return omit === undefined ? {} : { omit };
}
