/** Go's names of what Node calls otherwise. */
const ARCHITECTURES: Partial<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** This machine's architecture, as images name it. */
export function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}
