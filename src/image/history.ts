/**
 * What a layer is made of is told in the image's history, as dockerTools does: the comment of the layer's entry is
 * `store paths: ` and a list.
 */

const PREFIX = "store paths: ";

/** The comment for a layer of these components. */
export function componentsComment(components: readonly string[]): string {
  return PREFIX + JSON.stringify(components);
}

/** Matches a string of the list: in double quotes as JSON writes it, or in single quotes as Python does. */
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/gs;

/** The components that a comment lists, as far as they matter to people; empty for any other comment. */
export function componentsOf(comment: string | null | undefined): readonly string[] {
  if (!comment?.startsWith(PREFIX)) return [];
  return (comment.slice(PREFIX.length).match(QUOTED) ?? []).map((quoted) =>
    quoted.slice(1, -1).replace(/\\(.)/gs, "$1"),
  );
}
