/** Completion for fish. */
import { type Completed, type CompletedCommand, withSubcommands } from "./model.ts";

/** A script for fish. */
export function fishScript(program: string, root: CompletedCommand): string {
  const lines = withSubcommands(root).flatMap((command) => {
    const at = `-n ${quoted([`__${program}_at`, ...command.path].join(" "))}`;
    const here = `-n ${quoted([`__${program}_is`, ...command.path].join(" "))}`;
    const names = command.commands.map(
      (each) => `${here} -a ${each.path.at(-1)} -d ${quoted(each.description)}`,
    );
    const options = command.options.map(({ flags, description, value }) => {
      const names = flags.map((flag) =>
        flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      return [
        command.path.length === 0 ? here : at,
        ...names,
        ...takes(value),
        `-d ${quoted(description)}`,
      ].join(" ");
    });
    const places = command.arguments.flatMap(({ is, isRepeated }, index) => {
      if (is.kind === "any") return [];
      const count = isRepeated ? "-1" : String(index);
      const nth = `-n ${quoted([`__${program}_nth`, count, ...command.path].join(" "))}`;
      return [`${nth} ${is.kind === "file" ? "-F" : `-a ${quoted(is.words.join(" "))}`}`];
    });
    return [...names, ...options, ...places].map((line) => `complete -c ${program} ${line}`);
  });
  const valued = withSubcommands(root).flatMap(({ options }) =>
    options.flatMap(({ flags, value }) => (value === undefined ? [] : flags)),
  );
  return `# Completion of ${program} for fish, made by: ${program} completion fish
function __${program}_at
    set -l words (commandline -opc)
    set -e words[1]
    for word in $argv
        test "$words[1]" = $word; or return 1
        set -e words[1]
    end
end
function __${program}_is
    __${program}_at $argv; and test (count (commandline -opc)) -eq (math 1 + (count $argv))
end
# Whether so many arguments of a command stand there already; -1 is any number.
function __${program}_nth
    set -l count $argv[1]
    set -e argv[1]
    __${program}_at $argv; or return 1
    test $count -ge 0; or return 0
    set -l words (commandline -opc)
    set -l value no
    for word in $words[(math 2 + (count $argv))..-1]
        if test $value = yes
            set value no
        else if contains -- $word ${[...new Set(valued)].join(" ")}
            set value yes
        else if not string match -q -- '-*' $word
            set count (math $count - 1)
        end
    end
    test $count -eq 0
end
complete -c ${program} -f
${lines.join("\n")}
`;
}

function takes(value: Completed | undefined): string[] {
  if (value === undefined) return [];
  if (value.kind === "words") return ["-x", `-a ${quoted(value.words.join(" "))}`];
  return value.kind === "file" ? ["-r", "-F"] : ["-x"];
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
