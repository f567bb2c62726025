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
 * Goes in front of a script's first line, which so stays the first: a command that fails ends the script, and it tells on
 * descriptor 9 in which line. bash knows a command's line only before that command, and the last one before the end
 * is the trap's own; other shells know it at the end; dash never does.
 */
const PRELUDE = [
  "set -e",
  `if [ -n "$BASH_VERSION" ]; then trap 'varve_last=$varve_line varve_line=$LINENO' DEBUG; fi`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
  "trap 'varve_status=$? varve_at=${varve_last:-$LINENO}; [ $varve_status = 0 ] || echo \"varve:line $varve_at\" >&9; exit $varve_status' EXIT",
].join("; ");

/** What is run for a script: a first line `#!` chooses the interpreter, of which other than shells get the text as it is. */
export function programOf(script: string): Program {
  const [, interpreter, argument = ""] = INTERPRETER.exec(script) ?? [];
  const guarded = `${PRELUDE}; ${script}\n`;
  if (interpreter === undefined) return { text: guarded };
  const text = SHELLS.test(interpreter) ? guarded : script;
  return { text, shell: interpreter, argument };
}
