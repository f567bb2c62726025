/** Which platform packages are for, in Node's words and in people's. */
import type { NodePlatform } from "#graph";

/** Node's names for what Go calls differently; the others are the same. */
const CPUS: Readonly<Record<string, string>> = {
  amd64: "x64",
  "386": "ia32",
  ppc64le: "ppc64",
  mipsle: "mipsel",
  mips64le: "mips64el",
};

/** A platform as images have it, with a C library where that is known. */
export interface TargetPlatform {
  readonly os: string;
  /** As Go names it. */
  readonly architecture: string;
  /** `glibc` or `musl`. */
  readonly libc?: string | undefined;
}

/** The same in Node's words. */
export function nodePlatform({ os, architecture, libc }: TargetPlatform): NodePlatform {
  return { os, cpu: CPUS[architecture] ?? architecture, ...(libc !== undefined && { libc }) };
}

/** For messages: `linux/arm64`, with the C library if it is known. */
export function platformName({ os, cpu, libc }: NodePlatform): string {
  const architecture = Object.entries(CPUS).find(([, name]) => name === cpu)?.[0] ?? cpu;
  return `${os}/${architecture}${libc === undefined ? "" : ` (${libc})`}`;
}

/** Whether what is made for one platform runs on the other, as far as both are known. */
export function isSamePlatform(a: NodePlatform, b: NodePlatform): boolean {
  const isOtherLibc = a.libc !== undefined && b.libc !== undefined && a.libc !== b.libc;
  return a.os === b.os && a.cpu === b.cpu && !isOtherLibc;
}
