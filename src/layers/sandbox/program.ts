/** A script as the sandbox's shell reads it. */

export interface Program {
  readonly text: string;
  /** The shell that the script's first line asks for; undefined if it asks for none. */
  readonly shell?: string;
  readonly argument?: string;
}

/** Shells by the names of their programs: with these a script can report the line that failed. */
const SHELLS = /\/(?:ba|da|a|k|z|mk)?sh$/;
const INTERPRETER = /^#![ \t]*(\/[^\s]+)(?:[ \t]+([-+=.,:/ \w]*?))?[ \t]*(?:\n|$)/;

/**
 * Is put in front of a script's first line, on the same line, so that line numbers stay right. A command that fails ends the
 * script, which reports on descriptor 9 in which line that was. bash knows a command's line only before it runs the command,
 * and the last line known before the end is the trap's own; other shells know it at the end; dash never does.
 */
const PRELUDE = [
  "set -e",
  `if [ -n "$BASH_VERSION" ]; then trap 'varve_last=$varve_line varve_line=$LINENO' DEBUG; fi`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
  "trap 'varve_status=$? varve_at=${varve_last:-$LINENO}; [ $varve_status = 0 ] || echo \"varve:line $varve_at\" >&9; exit $varve_status' EXIT",
].join("; ");

/** What is run for a script. A first line `#!` chooses the interpreter; one that isn't a shell gets the text unchanged. */
export function programOf(script: string): Program {
  const [, interpreter, argument = ""] = INTERPRETER.exec(script) ?? [];
  const guarded = `${PRELUDE}; ${script}\n`;
  if (interpreter === undefined) return { text: guarded };
  const text = SHELLS.test(interpreter) ? guarded : script;
  return { text, shell: interpreter, argument };
}
