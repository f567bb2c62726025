import { VarveError } from "#errors";

/** Why a candidate isn't what is demanded; `words` go on after its name. */
export function fault({ name }: { readonly name: string }, words: string): VarveError {
  return new VarveError("NOT_VERIFIED", `${name} ${words}`);
}
