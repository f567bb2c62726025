import { InvalidArgumentError } from "commander";
import { parseFileHash } from "#util";

/**
 * Reads a SHA-256 as Nix writes it.
 * @returns the hash in its SRI form
 * @throws InvalidArgumentError for any other text
 */
export function expectedHash(text: string): string {
  const hash = parseFileHash(text);
  if (hash !== undefined) return hash;
  throw new InvalidArgumentError(
    "It must be a SHA-256: sha256- and base 64, or sha256: and hexadecimal digits or Nix's base 32.",
  );
}
