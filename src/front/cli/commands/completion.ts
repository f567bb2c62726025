import { Argument, Command } from "commander";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { completedCommand } from "../completion/model.ts";
import { zshScript } from "../completion/zsh.ts";
import { printNow } from "../output.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

const HELP = `
To have it in every shell that is started; zsh also needs fpath+=(~/.zfunc)
before compinit in ~/.zshrc:
  varve completion bash > ~/.local/share/bash-completion/completions/varve
  varve completion zsh > ~/.zfunc/_varve
  varve completion fish > ~/.config/fish/completions/varve.fish
Or in this one:
  source <(varve completion bash)
  source <(varve completion zsh)
  varve completion fish | source`;

export function command(): Command {
  return new Command("completion")
    .description(
      "Prints a script with which a shell completes commands, options and files. It runs without varve.",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SCRIPTS, _: unknown, command: Command) => {
      printNow(SCRIPTS[shell]("varve", completedCommand(command.parent!)));
    });
}
