import { Command } from "commander";
import { DEFAULT_REGISTRY } from "#oci";
import { say } from "../output.ts";
import { onMachine } from "../places.ts";

export function command(): Command {
  return new Command("logout")
    .description("Forgets the credentials for a registry.")
    .argument("[registry]", "the registry", DEFAULT_REGISTRY)
    .action(async (registry: string) => {
      await onMachine({}, async ({ machine: { transports } }) => {
        const forgotten = await (await transports.credentials()).logout(registry);
        say(forgotten ? `Logged out of ${registry}` : `There were no credentials for ${registry}`);
      });
    });
}
