/** What the generated pages of `docs/` say. */
import type { Command } from "commander";
import { specJsonSchema } from "#spec";
import { COMMANDS } from "../src/front/cli/commands.ts";
import { pathOf } from "../src/front/cli/misuse.ts";
import { makeProgram } from "../src/front/cli/program.ts";

/** What each of them begins with. */
export const GENERATED = "<!-- Made by `npm run docs`; change what it is made from. -->";

/** docs/cli.md: every command's help. */
export async function cliPage(): Promise<string> {
  const parts = [
    "# The command line",
    GENERATED,
    "Exit status: 0; 1 when something failed, with one sentence on stderr that says what and what to do; 2 for wrong usage. A signal ends a command with 128 and the signal's number, as shells have it, and what was half-written is removed: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP; a second one ends it at once. `varve serve` is ended by a signal, and has 0 then. A text whose reader goes away (`varve plan image.json | head`) was read as far as was wanted: 0, and no error. An image whose reader goes away (`varve stream conf.json | head`) isn't whole: 141 without a word, as `tar` and others end by SIGPIPE.",
    'With `--json`, stdout has one JSON document: the result, or `{"error": {"code": "…", "message": "…"}}` with the sentence that is on stderr, too. The codes are those of `VarveError` (`ErrorCode` in [api.md](api.md)), such as `NOT_FOUND` or `UNAUTHORIZED`; `USAGE` also stands for a command line that makes no sense, `ABORTED` for a signal, and `FAULT` for a fault of varve\'s own. The exit status is the same as without.',
  ];
  const program = await makeProgram(Object.keys(COMMANDS));
  for (const command of program.commands) parts.push(...helpOf(command));
  return `${parts.join("\n\n")}\n`;
}

function helpOf(command: Command): string[] {
  if (command.commands.length > 0) return command.commands.flatMap(helpOf);
  let help = "";
  // The text that a command adds after its help comes only when it is printed.
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => 100,
  });
  command.outputHelp();
  return [`## varve ${pathOf(command)}`, `\`\`\`text\n${help.trimEnd()}\n\`\`\``];
}

interface SchemaField {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaField[];
  readonly default?: unknown;
  readonly description?: string;
}

function typeOf({ enum: values, anyOf, type }: SchemaField): string {
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(", ");
  const types = new Set(anyOf?.map(typeOf) ?? [type ?? "string"]);
  return [...types].join(" or ");
}

/** docs/spec.md: every field of an image spec. */
export function specPage(): string {
  const schema = specJsonSchema() as { properties: Record<string, SchemaField>; required?: string[] };
  const rows = Object.entries(schema.properties)
    .filter(([name]) => name !== "$schema")
    .map(([name, field]) => {
      const type = typeOf(field);
      const fallback = field.default === undefined ? "" : `\`${JSON.stringify(field.default)}\``;
      const required = schema.required?.includes(name) ? "required" : fallback;
      return `| \`${name}\` | ${type} | ${required} | ${field.description ?? ""} |`;
    });
  return `# The image spec

${GENERATED}

A spec is a JSON file for \`varve build\`, in which there may be comments and trailing commas. Its fields have the names of
dockerTools' arguments where there are such. Paths are relative to the spec's own folder. In the folder of a Node.js project it is
\`varve.json\`, or what \`package.json\` has under \`varve\`; there nothing is required, and what it leaves out follows from the
project, as \`varve build --dry-run\` shows. \`cmd\`, \`expose\`, \`env\`, \`user\` and \`healthcheck\` are short forms of what
\`config\` has in full. An editor that knows JSON Schema helps with
\`"$schema": "./node_modules/varve/dist/spec.schema.json"\`. Options of \`varve build\` take the place of fields.

| field | type | default | |
|---|---|---|---|
${rows.join("\n")}

A component of a Nix graph is where its store path is; a package of a Node project is below \`config.WorkingDir\`, or
\`/app\`. If the graph is that of a workspace's package, \`config.WorkingDir\` may be this package's folder
(\`/app/apps/api\`); what else it needs of the workspace is beside it, as in the workspace (\`/app/packages/shared\`).
Files of a Node project have the mode 0755 if their owner may execute them, else 0644, since package managers leave the
rest to the umask. Scripts in \`node_modules/.bin\`, which pnpm writes with this machine's paths in them, are left out;
links there stay. What yarn has installed without \`node_modules\` is started with \`node -r ./.pnp.cjs\`.

Of a project's own files these are in no image unless \`include\` or a \`!\` line of \`.dockerignore\` names them: \`.env*\`, \`.npmrc\`,
a \`.yarnrc.yml\` with tokens, private keys, version control, \`*.local\`, caches, coverage, editors' files, and varve's and Docker's
own. The patterns are those of \`.dockerignore\`, as Docker's engine has them, but for \`node_modules\`, where packages are in the
image or not by what needs them. This is so for a project's folder; a spec that is named by its path leaves nothing out unless it
says \`ignore\` or \`include\`.
`;
}
