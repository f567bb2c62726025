/** What is said about a wrong command line, beyond what the parser knows. */
import type { Command } from "commander";
import { EXAMPLES } from "./examples.ts";
import { THEIR_BUILD_OPTIONS, THEIR_COMMANDS } from "./other-tools.ts";

/**
 * The parser's sentence with what helps in its place: varve's own word for one of another tool's, or an example where something is
 * missing.
 * @param command whose arguments are wrong
 */
export function misuseWords(sentence: string, command: Command): string {
  const [, option] = /^error: unknown option '([^']*)'/.exec(sentence) ?? [];
  if (option !== undefined) {
    const answer = command.name() === "build" ? ownOf(THEIR_BUILD_OPTIONS, flagOf(option)) : undefined;
    return answer === undefined ? sentence : `error: unknown option '${option}'; ${answer}`;
  }
  const [, word] = /^error: unknown command '([^']*)'/.exec(sentence) ?? [];
  if (word !== undefined) {
    const answer = ownOf(THEIR_COMMANDS, `${pathOf(command)} ${word}`.trimStart());
    return answer === undefined ? sentence : `error: unknown command '${word}'; ${answer}`;
  }
  if (!/^error: (?:missing required argument|required option) /.test(sentence)) return sentence;
  const example = ownOf(EXAMPLES, pathOf(command));
  return example === undefined ? sentence.trimEnd() : `${sentence.trimEnd()}; for example: ${example}`;
}

/** The words that call a command, without the program's. */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let each = command; each.parent !== null; each = each.parent) names.unshift(each.name());
  return names.join(" ");
}

/** An option as it is called, without a value that is written with it. */
function flagOf(text: string): string {
  return text.startsWith("--") ? text.split("=", 1)[0]! : text.slice(0, 2);
}

function ownOf(table: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
