/** Which machines an image's architecture runs: `GOARCH` names, and ELF's `e_machine`. */
import type { Elf } from "./elf.ts";

interface Machine {
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly isBigEndian?: boolean;
}

/** By the names of images' architectures; the first is its own, others run as well. */
const ARCHITECTURES: Readonly<Record<string, readonly Machine[]>> = {
  amd64: [
    { machine: 62, bits: 64 },
    { machine: 62, bits: 32 },
    { machine: 3, bits: 32 },
  ],
  "386": [{ machine: 3, bits: 32 }],
  // Most of these machines run 32 bits, too.
  arm64: [
    { machine: 183, bits: 64 },
    { machine: 40, bits: 32 },
  ],
  arm: [{ machine: 40, bits: 32 }],
  ppc64le: [{ machine: 21, bits: 64 }],
  s390x: [
    { machine: 22, bits: 64, isBigEndian: true },
    { machine: 22, bits: 32, isBigEndian: true },
  ],
  riscv64: [{ machine: 243, bits: 64 }],
  loong64: [{ machine: 258, bits: 64 }],
  mips64le: [{ machine: 8, bits: 64 }],
};

/** The machines that Linux runs on, by what people call them. Others, such as a graphics card's, are data. */
const NAMES = new Map<number, string>([
  [3, "386"],
  [8, "mips"],
  [20, "ppc"],
  [21, "ppc64"],
  [22, "s390x"],
  [40, "arm"],
  [62, "amd64"],
  [183, "arm64"],
  [243, "riscv64"],
  [258, "loong64"],
]);

/** Whether a file is for an architecture; undefined if that can't be told. */
export function fits(
  elf: Pick<Elf, "machine" | "bits" | "isBigEndian">,
  architecture: string,
): boolean | undefined {
  const machines = ARCHITECTURES[architecture];
  if (machines === undefined || !NAMES.has(elf.machine)) return undefined;
  return machines.some(
    ({ machine, bits, isBigEndian = false }) =>
      machine === elf.machine && bits === elf.bits && isBigEndian === elf.isBigEndian,
  );
}

/** What people call a file's machine. */
export function machineName({ machine, bits }: Pick<Elf, "machine" | "bits">): string {
  if (machine === 62 && bits === 32) return "x32";
  return NAMES.get(machine) ?? `machine ${machine}`;
}

/** Whether one file can be loaded beside another. */
export function isSameMachine(
  a: Pick<Elf, "machine" | "bits" | "isBigEndian">,
  b: Pick<Elf, "machine" | "bits" | "isBigEndian">,
): boolean {
  return a.machine === b.machine && a.bits === b.bits && a.isBigEndian === b.isBigEndian;
}
