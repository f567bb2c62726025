import { VarveError } from "#errors";
import type { Descriptor, Platform } from "./descriptor.ts";

const OS_NAMES: Record<string, string> = { macos: "darwin" };

/** Other names for an architecture, and the variant that the name itself says. */
const ARCHITECTURES: Record<string, readonly [architecture: string, variant?: string]> = {
  aarch64: ["arm64"],
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  i386: ["386"],
  i486: ["386"],
  i586: ["386"],
  i686: ["386"],
  x86: ["386"],
  ia32: ["386"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  ppc64el: ["ppc64le"],
  loong64: ["loong64"],
  loongarch64: ["loong64"],
};

/** The variant that an architecture has when none is said. */
const DEFAULT_VARIANTS: Record<string, string> = { amd64: "v1", arm64: "v8", arm: "v7" };

/**
 * The platform under the names of the OCI image specification (Go's `GOOS` and `GOARCH`): `aarch64` is `arm64`, `x86_64` is
 * `amd64`; a variant that is the architecture's plain one (`amd64/v1`, `arm64/v8`) is left out, and `arm` is `arm/v7`.
 */
export function normalisePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const [architecture, implied] = Object.hasOwn(ARCHITECTURES, named)
    ? ARCHITECTURES[named]!
    : ([named] as const);
  let variant = platform.variant?.toLowerCase().replace(/^(?=[0-9])/, "v") || implied;
  if (architecture === "arm") variant ??= "v7";
  else if (variant === DEFAULT_VARIANTS[architecture]) variant = undefined;
  const { variant: _given, ...others } = platform;
  return {
    ...others,
    os: Object.hasOwn(OS_NAMES, os) ? OS_NAMES[os]! : os,
    architecture,
    ...(variant !== undefined ? { variant } : {}),
  };
}

/**
 * Reads `os/arch[/variant]` and normalises it.
 * @throws VarveError `USAGE`.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const [os, architecture, variant] = parts;
  if (
    !os ||
    !architecture ||
    parts.length > 3 ||
    // A variant may get a v, and is to be read again with it.
    !parts.every((part, at) => (at === 2 ? /^v?[A-Za-z0-9_.-]{1,63}$/ : /^[A-Za-z0-9_.-]{1,64}$/).test(part))
  ) {
    throw new VarveError(
      "USAGE",
      `${JSON.stringify(text.slice(0, 100))} is not a platform; write os/arch or os/arch/variant, such as linux/amd64 or linux/arm/v7`,
    );
  }
  return normalisePlatform({ os, architecture, ...(variant !== undefined ? { variant } : {}) });
}

/** `os/arch` or `os/arch/variant`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/** The number in a variant such as `v7`, or undefined. */
function levelOf({ architecture, variant }: Platform): number | undefined {
  const match = /^v([0-9]{1,3})(?:\.[0-9]+)?$/.exec(variant ?? DEFAULT_VARIANTS[architecture] ?? "");
  return match === null ? undefined : Number(match[1]);
}

/**
 * How well an image made for `offered` runs on `wanted`: undefined when it doesn't, otherwise the larger the better. Where
 * variants are levels (`arm`, `arm64`, `amd64`) a lower one runs too, and the nearest is best; elsewhere they must be equal, and a
 * wish without a variant takes any.
 */
export function matchPlatform(wanted: Platform, offered: Platform): number | undefined {
  const want = normalisePlatform(wanted);
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  if (want.variant === offer.variant) return 1000;
  const wantLevel = levelOf(want);
  const offerLevel = levelOf(offer);
  if (wantLevel !== undefined && offerLevel !== undefined) {
    return offerLevel <= wantLevel ? 999 - (wantLevel - offerLevel) : undefined;
  }
  return want.variant === undefined ? 0 : undefined;
}

/** Whether an index's entry says something of an image instead of being one, as BuildKit's attestations do. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  const isNowhere = platform?.os === "unknown" || platform?.architecture === "unknown";
  return isNowhere || annotations?.["vnd.docker.reference.type"] !== undefined;
}

/** What {@link choosePlatform} needs to choose and, if it can't, to say so. */
export interface PlatformChoice {
  readonly platform: Platform;
  /** What the entries belong to, for the error's sentence. */
  readonly what: string;
}

/**
 * The entry of an index that fits the platform best; the first of several equals. Entries for an `unknown` platform, which hold
 * attestations, are passed over. An index whose only entry says no platform gives that entry.
 *
 * @throws VarveError `IMAGE_NOT_FOUND`, listing the platforms there are.
 */
export function choosePlatform(
  entries: readonly Descriptor[],
  { platform, what }: PlatformChoice,
): Descriptor {
  const images = entries.filter((entry) => !isAttestation(entry));
  let best: { entry: Descriptor; score: number } | undefined;
  for (const entry of images) {
    if (entry.platform === undefined) continue;
    const score = matchPlatform(platform, entry.platform);
    if (score !== undefined && (best === undefined || score > best.score)) best = { entry, score };
  }
  if (best !== undefined) return best.entry;
  const [only] = images;
  if (images.length === 1 && only!.platform === undefined) return only!;

  const listed = images.map((entry) =>
    entry.platform === undefined ? "one that is not said" : formatPlatform(entry.platform),
  );
  const shown = [...new Set(listed)].map((name) => name.slice(0, 60));
  const there =
    shown.length === 0 ? "none" : shown.slice(0, 30).join(", ") + (shown.length > 30 ? ", …" : "");
  throw new VarveError(
    "IMAGE_NOT_FOUND",
    `${what} has no image for ${formatPlatform(normalisePlatform(platform))}; the platforms it has: ${there}`,
  );
}
