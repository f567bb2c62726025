/** What hangs on an image, as lines. */
import { formatPlatform } from "#oci";
import type { ReferrerNode } from "#referrers";
import { formatBytes } from "#report";
import { shown } from "#util";

/** A line for each node, and one more for each fault; foreign text in them stays on its line. */
export function treeLines(root: ReferrerNode): string[] {
  return [lineOf(root), ...faultLines(root, "  "), ...childLines(root, "")];
}

/** The lines of what stands below a node. */
export function childLines({ children }: ReferrerNode, indent: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    const below = `${indent}${isLast ? "   " : "│  "}`;
    return [
      `${indent}${isLast ? "└─ " : "├─ "}${lineOf(child)}`,
      ...faultLines(child, below),
      ...childLines(child, below),
    ];
  });
}

/** What it is, its type, its digest, and how many bytes it brings. */
function lineOf({ descriptor, relation, tag, kind, content, isRepeated }: ReferrerNode): string {
  const { platform, artifactType, digest } = descriptor;
  const isImage = relation === undefined || relation === "platform";
  const what = platform === undefined ? kind : formatPlatform(platform);
  const words = [
    ...(isImage ? [what ?? ""] : [what ?? "artifact", artifactType ?? ""]),
    ...(relation === "attestation" ? ["(in the index)"] : []),
    ...(tag === undefined ? [] : [`(tag ${tag})`]),
    digest,
    ...(content === 0 ? [] : [formatBytes(content)]),
    ...(isRepeated ? ["(as above)"] : []),
  ];
  return words
    .filter((word) => word !== "")
    .map((word) => shown(word, MAX_WORD))
    .join("  ");
}

/** More than a digest by SHA-512 has. */
const MAX_WORD = 160;

function faultLines({ fault, unlisted }: ReferrerNode, indent: string): string[] {
  return [fault, unlisted].flatMap((reason) => (reason === undefined ? [] : [`${indent}! ${shown(reason)}`]));
}
