/** What of a source is code: its comments taken away, and its strings and regular expressions numbered. */

export interface Code {
  /** The source with blanks for comments, `"#1"` for each string by its number, and `/#/` for a regular expression. */
  readonly code: string;
  readonly strings: readonly string[];
}

/** After one of these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|in|of|yield|await|throw))\s*$/;

/** Separates a source's code from its comments and texts. What stands in a template's `${}` is code. */
export function codeOf(source: string): Code {
  const strings: string[] = [];
  let code = "";
  let at = 0;
  /** How deep in braces each open template's `${` is. */
  const templates: number[] = [];
  let depth = 0;

  const text = (end: RegExp): string => {
    end.lastIndex = at;
    const stop = end.exec(source);
    const content = source.slice(at, stop?.index ?? source.length);
    at = stop === null ? source.length : end.lastIndex;
    return content;
  };
  const number = (content: string) => `#${strings.push(content) - 1}`;
  const template = () => {
    const start = at;
    for (; at < source.length && source[at] !== "`"; at++) {
      if (source[at] === "\\") at++;
      else if (source.startsWith("${", at)) {
        code += `\`${number(source.slice(start, at))}\`\${`;
        at += 2;
        templates.push(depth++);
        return;
      }
    }
    code += `\`${number(source.slice(start, at++))}\``;
  };

  while (at < source.length) {
    const character = source[at]!;
    if (source.startsWith("//", at)) text(/(?=\n)|$/g);
    else if (source.startsWith("/*", at)) {
      text(/\*\//g);
      code += " ";
    } else if (character === '"' || character === "'") {
      at++;
      const content = text(character === '"' ? /(?<!(?<!\\)(?:\\\\)*\\)"/g : /(?<!(?<!\\)(?:\\\\)*\\)'/g);
      code += `"${number(content)}"`;
    } else if (character === "`") {
      at++;
      template();
    } else if (character === "/" && BEFORE_REGEX.test(code)) {
      skipRegex();
      code += "/#/";
    } else {
      at++;
      if (character === "{") depth++;
      else if (character === "}") depth--;
      code += character;
      if (character === "}" && templates.at(-1) === depth) {
        templates.pop();
        template();
      }
    }
  }
  return { code, strings };

  function skipRegex(): void {
    let inClass = false;
    for (at++; at < source.length && (inClass || source[at] !== "/"); at++) {
      if (source[at] === "\\") at++;
      else if (source[at] === "[") inClass = true;
      else if (source[at] === "]") inClass = false;
    }
    at++;
  }
}
