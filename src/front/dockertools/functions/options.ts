import type { DigestCache } from "#cache";
import type { Workshop } from "#draft";
import type { Transports } from "#transports";

/** What dockerTools' functions need besides their arguments. */
export interface FunctionOptions {
  /** Opens the images that arguments name: an archive's path, or a place such as `docker://alpine:3`. */
  readonly transports: Transports;
  /** This machine's, as Go names it, for arguments that name none. */
  readonly architecture: string;
  /** What `created: "now"` means; by default the start of 1970, so that nothing depends on when it is made. */
  readonly now?: Date | undefined;
  /** For scripts, and for a Nix database. */
  readonly workshop?: Workshop | undefined;
  /** Knows layers that were measured before. */
  readonly cache?: DigestCache | undefined;
  /** Gets a sentence for what the user may want to know. */
  readonly onNote?: (sentence: string) => void;
  readonly signal?: AbortSignal | undefined;
}
