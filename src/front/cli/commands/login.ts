import { text } from "node:stream/consumers";
import { Command } from "commander";
import { VarveError } from "#errors";
import { DEFAULT_REGISTRY } from "#oci";
import { ask, canAsk } from "../ask.ts";
import { say } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";

interface LoginOptions extends PlaceOptions {
  readonly username?: string;
  readonly passwordStdin?: true;
}

export function command(): Command {
  return registryOptions(new Command("login"))
    .description(
      "Checks a user name and password with a registry and keeps them where docker and podman look for them.",
    )
    .argument("[registry]", "the registry", DEFAULT_REGISTRY)
    .option("-u, --username <name>", "the user's name")
    .option("--password-stdin", "take the password from stdin")
    .action(async (registry: string, options: LoginOptions) => {
      const username = options.username ?? (await askFor("Username: ", { hidden: false }));
      const password = options.passwordStdin
        ? (await text(process.stdin)).replace(/\r?\n$/, "")
        : await askFor("Password: ", { hidden: true });
      await onMachine(options, async ({ machine: { transports }, signal }) => {
        const credentials = { kind: "password", username, password } as const;
        const client = await transports.client(registry, async () => credentials);
        await client.ping(signal);
        const where = await (await transports.credentials()).login(registry, credentials);
        say(`Logged in to ${registry}; the credentials are kept in ${where}`);
      });
    });
}

/** @throws VarveError `USAGE` where there is nobody to ask */
async function askFor(question: string, options: { hidden: boolean }): Promise<string> {
  if (canAsk()) return await ask(question, options);
  throw new VarveError("USAGE", "stdin is not a terminal; give --username and --password-stdin");
}
