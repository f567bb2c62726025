/** Completion for zsh. */
import { type Completed, type CompletedCommand, withSubcommands } from "./model.ts";

/** A script for zsh, to be sourced or to be kept as a file in a folder of `fpath`. */
export function zshScript(program: string, root: CompletedCommand): string {
  const functions = withSubcommands(root).map((command) => {
    const specs = command.options.flatMap((option) => optionSpecs(option, program));
    if (command.commands.length === 0) {
      const args = command.arguments.map(({ name, is, isRepeated }, index) => {
        const place = isRepeated ? "*" : String(index + 1);
        return quoted(`${place}:${escaped(name)}:${action(is, program)}`);
      });
      return `${nameOf(program, command)}() {
  _arguments -s ${[...specs, ...args].join(" \\\n    ")}
}`;
    }
    const below = command.commands.map(
      (each) => `    ${quoted(`${each.path.at(-1)}:${each.description.replaceAll(":", "\\:")}`)}`,
    );
    const entries = command.commands.map((each) => `    ${each.path.at(-1)}) ${nameOf(program, each)} ;;`);
    return `${nameOf(program, command)}() {
  local context state line
  local -a commands=(
${below.join("\n")}
  )
  _arguments -C ${[...specs, "'1:command:->command'", "'*::argument:->rest'"].join(" \\\n    ")} && return 0
  if [[ $state == command ]]; then
    _describe command commands
    return
  fi
  case $line[1] in
${entries.join("\n")}
  esac
}`;
  });
  return `#compdef ${program}
# Completion of ${program} for zsh, made by: ${program} completion zsh
_${program}_place() {
  compset -P '*:'
  _files
}
${functions.join("\n")}
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function nameOf(program: string, { path }: CompletedCommand): string {
  return ["", program, ...path].join("_");
}

function optionSpecs(
  { flags, description, isRepeated, value }: CompletedCommand["options"][number],
  program: string,
): string[] {
  const others = isRepeated ? "*" : flags.length > 1 ? `(${flags.join(" ")})` : "";
  const after = value === undefined ? "" : `:${escaped(value.name)}:${action(value, program)}`;
  return flags.map((flag) => {
    const takes = value === undefined ? "" : flag.startsWith("--") ? "=" : "+";
    return quoted(`${others}${flag}${takes}[${escaped(description)}]${after}`);
  });
}

function action(completed: Completed, program: string): string {
  if (completed.kind === "file") return `_${program}_place`;
  return completed.kind === "words" ? `(${completed.words.join(" ")})` : " ";
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
