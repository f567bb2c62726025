/** A script as the sandbox's shell reads it. */

export interface Program {
  readonly text: string;
  /** The shell that the script's first line asks for; undefined where it doesn't. */
  readonly shell?: string;
  readonly argument?: string;
}

/** Shells by the names of their programs: in these a script can tell the line that failed. */
const SHELLS = /\/(?:ba|da|a|k|z|mk)?sh$/;
const INTERPRETER = /^#![ \t]*(\/[^\s]+)(?:[ \t]+([-+=.,:/ \w]*?))?[ \t]*(?:\n|$)/;

/**
 * Puts in front of a script's first line, which so stays the first, that any command which fails ends it, and that it tells
 * on descriptor 9 in which line. bash knows the line only while it runs a command, other shells at the end, dash never.
 */
const PRELUDE = [
  "set -e",
  'if [ -n "$BASH_VERSION" ]; then trap "varve_line=\\$LINENO" DEBUG; fi',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
  "trap 'varve_status=$?; [ $varve_status = 0 ] || echo \"varve:line ${varve_line-$LINENO}\" >&9; exit $varve_status' EXIT",
].join("; ");

/** What is run for a script: a first line `#!` chooses the interpreter, of which other than shells get the text as it is. */
export function programOf(script: string): Program {
  const [, interpreter, argument = ""] = INTERPRETER.exec(script) ?? [];
  if (interpreter === undefined) return { text: `${PRELUDE}; ${guarded(script)}` };
  const text = SHELLS.test(interpreter) ? `${PRELUDE}; ${guarded(script)}` : script;
  return { text, shell: interpreter, argument };
}

/** A first line that has no command would leave the semicolon before it alone, which is well in every shell. */
function guarded(script: string): string {
  return script.endsWith("\n") ? script : `${script}\n`;
}
