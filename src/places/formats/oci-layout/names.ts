/** The names that a layout's index gives to its entries. */
import { type Descriptor, formatReference, parseReference } from "#oci";

/** OCI image specification, annotations.md: usually a tag, but tools write whole references there, too. */
export const REF_NAME = "org.opencontainers.image.ref.name";

/** containerd's, and BuildKit's: the whole name. */
export const CONTAINERD_NAME = "io.containerd.image.name";

/** What an entry is called, the short name first; nothing for an entry that has no name. */
export function namesOf({ annotations }: Descriptor): string[] {
  return [annotations?.[REF_NAME], annotations?.[CONTAINERD_NAME]].filter((name) => name !== undefined);
}

/** The entry's name if it is a full image name; undefined if it has none, or only a tag. */
export function imageNameOf(entry: Descriptor): string | undefined {
  const whole = entry.annotations?.[CONTAINERD_NAME];
  if (whole !== undefined) return whole;
  const name = entry.annotations?.[REF_NAME];
  return name !== undefined && /[/:]/.test(name) ? name : undefined;
}

/** A name with Docker's defaults filled in; unchanged if it isn't a reference. */
export function canonicalName(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    return name;
  }
}
