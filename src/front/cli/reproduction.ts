/** Says whether an image was made again, and what is another if it wasn't. */
import type { Difference, Reproduction } from "#app";
import { shown } from "#util";

/** What people are told, in a few lines. */
export function reproductionLines({
  image,
  same,
  digests,
  compression,
  recompressed,
  differences,
}: Reproduction): string[] {
  if (same) return [`${image} is what this machine makes, too: ${digests.here}`];
  return [
    `${image} is ${digests.there}, but this machine makes ${digests.here}`,
    ...differences.map((difference) => shown(`  ${words(difference)}`)),
    ...(recompressed.length > 0 ? [shown(`  ${compressionWords(recompressed.length, compression)}`)] : []),
    ...(differences.some(({ kind }) => kind === "files")
      ? ["varve compare says which files differ, and how"]
      : []),
  ];
}

function words({ kind, layer, names }: Difference): string {
  const listed = names.join(", ");
  switch (kind) {
    case "files":
      return `layer ${layer! + 1}${of(listed)} has other files`;
    case "layers":
      return `it has ${names[0]} layers, and ${names[1]} here`;
    case "config":
      return `its config has another ${listed}`;
    case "annotations":
      return `its manifest has other annotations${of(listed)}`;
  }
}

const of = (listed: string) => (listed === "" ? "" : ` (${listed})`);

function compressionWords(count: number, { there, here }: Reproduction["compression"]): string {
  const layers = count === 1 ? "1 layer has" : `${count} layers have`;
  const by = there === undefined ? "in a way that the image doesn't name" : `by ${there}`;
  return `${layers} the same files, but were compressed ${by}, and are by ${here} here`;
}
