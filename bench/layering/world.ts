/** What the replay starts from: packages with sizes and references, from which each version of an image is made. */

export interface Package {
  /** Its name, the same in every version; for npm the folder it is in. */
  readonly name: string;
  /** What it is built from: packages of one source change together. */
  readonly source: string;
  readonly version: string;
  /** Of the layer's tar. */
  readonly bytes: number;
  /** The names of those it needs. */
  readonly references: readonly string[];
  /** Whether it is what the image is for, and no library. */
  readonly isApplication: boolean;
}

/** All packages of an image. */
export interface World {
  readonly name: string;
  /** In a world of store paths a change spreads to all that need the changed one; among npm packages it doesn't. */
  readonly kind: "nix" | "npm";
  readonly packages: readonly Package[];
}
