/** What platform a base's files are for, told by its dynamic loader, or else by one of its programs. */
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import { layerEntries, rootTreeOf } from "#flatten";
import type { Image } from "#image";
import { type BaseTree, resolveInBase } from "#root";
import { baseTreeOf } from "./base.ts";

/** A C library that packages and bases are made for. */
export type Libc = "glibc" | "musl";

/** The loaders of an architecture, which Go's name stands for; their paths are part of the ABIs. */
interface Loaders {
  readonly glibc: readonly string[];
  /** What follows `/lib/ld-musl-`. */
  readonly musl: readonly string[];
  /** gABI, "e_machine". */
  readonly machine: number;
}

const LOADERS: Readonly<Record<string, Loaders>> = {
  amd64: { glibc: ["/lib64/ld-linux-x86-64.so.2"], musl: ["x86_64"], machine: 62 },
  "386": { glibc: ["/lib/ld-linux.so.2"], musl: ["i386"], machine: 3 },
  arm64: { glibc: ["/lib/ld-linux-aarch64.so.1"], musl: ["aarch64"], machine: 183 },
  arm: {
    glibc: ["/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"],
    musl: ["armhf", "armv7", "arm"],
    machine: 40,
  },
  ppc64le: { glibc: ["/lib64/ld64.so.2"], musl: ["powerpc64le"], machine: 21 },
  s390x: { glibc: ["/lib/ld64.so.1"], musl: ["s390x"], machine: 22 },
  riscv64: { glibc: ["/lib/ld-linux-riscv64-lp64d.so.1"], musl: ["riscv64"], machine: 243 },
  loong64: {
    glibc: ["/lib64/ld-linux-loongarch-lp64d.so.1"],
    musl: ["loongarch64"],
    machine: 258,
  },
};

/** Programs of which a base for Node.js has one, if it has no loader. */
const PROGRAMS = ["/usr/local/bin/node", "/usr/bin/node", "/nodejs/bin/node", "/bin/sh", "/bin/busybox"];

/** What a base's files are for. */
export interface BasePlatform {
  /** The C library for the base's own architecture; undefined where there is none. */
  readonly libc: Libc | undefined;
}

/**
 * Tells a base's C library, and checks that its files are for the architecture that its config says.
 * @throws VarveError `UNSUPPORTED_PLATFORM` if they are for another; what reading the base's layers throws
 */
export async function basePlatform(
  base: Image,
  { cache, signal }: { cache: DigestCache | undefined; signal?: AbortSignal | undefined },
): Promise<BasePlatform> {
  const { architecture } = base.config.value;
  if (base.layers.length === 0) return { libc: undefined };
  const tree = await baseTreeOf(base, cache);
  const own = Object.hasOwn(LOADERS, architecture) ? LOADERS[architecture]! : undefined;
  const libc = own && libcIn(tree, own);
  if (own === undefined || libc !== undefined) return { libc };
  const others = Object.entries(LOADERS).filter(([, loaders]) => libcIn(tree, loaders) !== undefined);
  if (others.length > 0) throw otherFiles(base, others[0]![0]);
  const machine = await machineOf(base, signal);
  if (machine !== undefined && machine !== own.machine) {
    const name = Object.entries(LOADERS).find(([, loaders]) => loaders.machine === machine)?.[0];
    throw otherFiles(base, name ?? `a machine with the number ${machine}`);
  }
  return { libc: undefined };
}

function libcIn(tree: BaseTree, { glibc, musl }: Loaders): Libc | undefined {
  const isThere = (path: string) => resolveInBase(tree, path)?.entry !== undefined;
  if (musl.some((name) => isThere(`/lib/ld-musl-${name}.so.1`))) return "musl";
  return glibc.some(isThere) ? "glibc" : undefined;
}

function otherFiles({ names, config }: Image, architecture: string): VarveError {
  const name = names[0] ?? "the base image";
  return new VarveError(
    "UNSUPPORTED_PLATFORM",
    `${name} says it is for ${config.value.architecture}, and its files are for ${architecture}; take another base image, or one that was made right`,
  );
}

/** The machine that a base's program is for; undefined if it has none of those that are looked for. */
async function machineOf(base: Image, signal: AbortSignal | undefined): Promise<number | undefined> {
  const tree = await rootTreeOf(base);
  for (const path of PROGRAMS) {
    const real = resolveInBase(tree, path)?.path;
    const found = real === undefined ? undefined : tree.entry(real);
    if (found?.kind !== "file" || found.entry.size < 20) continue;
    const layer = base.layers[found.layer]!;
    for await (const { position, read } of layerEntries(layer, { what: "the base image", signal })) {
      if (position !== found.position) continue;
      const header = Buffer.from(await read(20));
      if (header.readUInt32BE(0) !== 0x7f454c46) break;
      return header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
    }
  }
  return undefined;
}
