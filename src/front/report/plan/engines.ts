/** How long engines take for what they pull. */

/** The engines that are told apart, as people call them. */
export const ENGINES = {
  docker: "Docker (classic store)",
  podman: "podman",
  containerd: "containerd",
} as const;

export type Engine = keyof typeof ENGINES;

/**
 * What pulling takes, in seconds: to begin with, for each layer that is unpacked, and for each byte of it; docs/layering.md says how it was
 * measured. A network's time comes on top.
 */
const SPEEDS: Readonly<Record<Engine, { start: number; layer: number; byte: number }>> = {
  docker: { start: 0.1, layer: 0.09, byte: 6e-8 },
  podman: { start: 0.3, layer: 0.17, byte: 3e-8 },
  containerd: { start: 0.1, layer: 0.03, byte: 4.5e-8 },
};

/** How many seconds an engine takes for layers that it unpacks, of so many bytes. */
export function secondsOf(engine: Engine, { layers, bytes }: { layers: number; bytes: number }): number {
  const { start, layer, byte } = SPEEDS[engine];
  return start + layers * layer + bytes * byte;
}
