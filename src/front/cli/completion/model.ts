/** What shells are told of a command: its options, its arguments and the commands in it. */
import type { Argument, Command, Option } from "commander";

/** What may stand in a place: a file, one of a few words, or what only the user knows. */
export type Completed =
  | { readonly kind: "file" }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "any" };

export interface CompletedOption {
  /** As they are typed: `-o`, `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly isRepeated: boolean;
  /** What is after it, and what that is called; undefined for nothing. */
  readonly value: (Completed & { readonly name: string }) | undefined;
}

export interface CompletedArgument {
  readonly name: string;
  readonly is: Completed;
  /** Whether there may be more of it. */
  readonly isRepeated: boolean;
}

export interface CompletedCommand {
  /** The words that call it; none for varve itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly CompletedArgument[];
  readonly commands: readonly CompletedCommand[];
}

/** What values that are files, or may be, are called in the help. */
const FILES = new Set([
  ...["conf", "destination", "file", "folder", "graph", "new", "path", "place", "places", "source", "spec"],
]);

/** What a command's definition says. */
export function completedCommand(command: Command, path: readonly string[] = []): CompletedCommand {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .filter((each) => each.name() !== "help")
    .map((each) => completedCommand(each, [...path, each.name()]));
  return {
    path,
    description: shortened(command.summary() || command.description()),
    options: help.visibleOptions(command).map(completedOption),
    arguments: command.registeredArguments.map(completedArgument),
    commands,
  };
}

/** All commands in a command, itself among them. */
export function withSubcommands(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function completedOption({ short, long, flags, description, argChoices }: Option): CompletedOption {
  const placeholder = /[<[](.+)[>\]]$/.exec(flags)?.[1]?.replace(/\.\.\.$/, "");
  // Of two long names, the first is where commander keeps short ones.
  const names = [short, long].filter((flag) => flag !== undefined);
  return {
    flags: names,
    description: shortened(description),
    isRepeated: /several times/.test(description),
    value:
      placeholder === undefined ? undefined : { name: placeholder, ...completed(placeholder, argChoices) },
  };
}

function completedArgument(argument: Argument): CompletedArgument {
  const name = argument.name();
  return { name, is: completed(name, argument.argChoices), isRepeated: argument.variadic };
}

function completed(placeholder: string, choices: readonly string[] | undefined): Completed {
  if (choices !== undefined) return { kind: "words", words: choices };
  if (placeholder.includes("|")) {
    return { kind: "words", words: placeholder.split("|").map((word) => word.replace(/\[.*$/, "")) };
  }
  return FILES.has(placeholder) ? { kind: "file" } : { kind: "any" };
}

/** The beginning of a description, which says enough. */
function shortened(description: string): string {
  return description
    .split(/[;:(]|\. |, such as/, 1)[0]!
    .trim()
    .replace(/\.$/, "");
}
