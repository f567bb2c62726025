/** Completion for bash, also the one of macOS, which is from 2006. */
import { type Completed, type CompletedCommand, withSubcommands } from "./model.ts";

/** A script for bash that completes a program's command line by itself, without running the program. */
export function bashScript(program: string, root: CompletedCommand): string {
  const commands = withSubcommands(root);
  const at = (command: CompletedCommand) => command.path.join(" ");
  const entered = commands
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => [`${path.slice(0, -1).join(" ")}|${path.at(-1)}`, `at='${path.join(" ")}'`]);
  const values = commands.flatMap((command) =>
    command.options.flatMap(({ flags, value }) =>
      value === undefined ? [] : flags.map((flag) => [`${at(command)}|${flag}`, `value='${words(value)}'`]),
    ),
  );
  const options = commands.map((command) => [
    at(command),
    `value='words ${command.options.flatMap(({ flags }) => flags).join(" ")}'`,
  ]);
  const places = commands.flatMap((command) => {
    if (command.commands.length > 0) {
      return [
        [`${at(command)}|0`, `value='words ${command.commands.map(({ path }) => path.at(-1)).join(" ")}'`],
      ];
    }
    return command.arguments.map(({ is, isRepeated }, index) => {
      const last = `${at(command)}|`;
      return [isRepeated ? `${last}*` : `${last}${index}`, `value='${words(is)}'`];
    });
  });
  return `# Completion of ${program} for bash, made by: ${program} completion bash
_${program}() {
  local line=\${COMP_LINE:0:COMP_POINT} at='' value='' count=0 i word current
  local -a words
  COMPREPLY=()
  read -r -a words <<<"$line"
  case $line in *[[:space:]]) words+=('') ;; esac
  current=\${words[\${#words[@]} - 1]}
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [ -n "$value" ]; then
      value=''
      continue
    fi
    case $word in
      -*) _${program}_value "$at" "$word" ;;
      *) _${program}_enter || count=$((count + 1)) ;;
    esac
  done
  if [ -z "$value" ]; then
    case $current in
      --*=*)
        _${program}_value "$at" "\${current%%=*}"
        current=\${current#*=}
        ;;
      -*)
        case $at in
${cases(options, 10)}
        esac
        ;;
      *)
        case "$at|$count" in
${cases(places, 10)}
        esac
        ;;
    esac
  fi
  case $value in
    words*)
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "\${value#words}" -- "$current")
      ;;
    file)
      # What is before the path in a place, such as oci:, is a word of its own for readline.
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "\${current##*:}")
      ;;
  esac
}
_${program}_enter() {
  case "$at|$word" in
${cases(entered, 4)}
    *) return 1 ;;
  esac
}
_${program}_value() {
  case "$1|$2" in
${cases(values, 4)}
  esac
}
complete -F _${program} ${program}
`;
}

function cases(list: readonly (readonly string[])[], indent: number): string {
  return list.map(([pattern, then]) => `${" ".repeat(indent)}${quoted(pattern!)}) ${then} ;;`).join("\n");
}

/** A pattern; a star at its end stays one. */
function quoted(pattern: string): string {
  return pattern.endsWith("*") ? `'${pattern.slice(0, -1)}'*` : `'${pattern}'`;
}

function words(completed: Completed): string {
  return completed.kind === "words" ? `words ${completed.words.join(" ")}` : completed.kind;
}
