export type { Elf, NeededVersions } from "./elf.ts";
export { isElf } from "./header.ts";
export { fits, isSameMachine, machineName } from "./machines.ts";
export { PassingElf } from "./passing.ts";
export { textAt } from "./text.ts";
