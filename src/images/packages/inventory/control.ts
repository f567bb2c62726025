/** Texts of paragraphs with fields, as Debian has them (deb822), and Python nearly. */

export type Paragraph = Readonly<Partial<Record<string, string>>>;

/** The paragraphs of a text, with their fields by names in lower case; lines that go on are joined by line ends. */
export function paragraphsOf(text: string): Paragraph[] {
  return text.split(/\n[ \t]*\n+/).flatMap((paragraph) => {
    const found = fieldsOf(paragraph);
    return Object.keys(found).length === 0 ? [] : [found];
  });
}

/** The fields of one paragraph. Of one that is there several times the first counts. */
export function fieldsOf(paragraph: string): Paragraph {
  const found: Record<string, string> = Object.create(null);
  let name: string | undefined;
  for (const line of paragraph.split("\n")) {
    const [, field, value] = /^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*?)\s*$/.exec(line) ?? [];
    if (field !== undefined) {
      const key = field.toLowerCase();
      name = key in found ? undefined : key;
      if (name !== undefined) found[name] = value!;
    } else if (name !== undefined && /^[ \t]/.test(line)) {
      found[name] += `\n${line.trim()}`;
    }
  }
  return found;
}
