/** How a container is run: the full `config`, and short forms of what most specs say. */
import * as z from "zod";
import { strictFields } from "./strict.ts";
import { splitWords } from "./words.ts";

const EmptyMap = z.record(z.string(), z.object({}));
export const StringMap = z.record(z.string(), z.string());

const shape = {
  User: z.string().optional(),
  ExposedPorts: EmptyMap.optional(),
  Env: z.array(z.string()).optional(),
  Entrypoint: z.array(z.string()).optional(),
  Cmd: z.array(z.string()).optional(),
  Volumes: EmptyMap.optional(),
  WorkingDir: z.string().optional(),
  Labels: StringMap.optional(),
  StopSignal: z.string().optional(),
};

/** What Docker's engines know beside that, and pass on as it is. */
const others = [
  ...["Healthcheck", "Shell", "OnBuild", "ArgsEscaped", "StopTimeout", "Hostname", "Domainname"],
  ...["AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image"],
  ...["NetworkDisabled", "MacAddress", "Memory", "MemorySwap", "CpuShares"],
] as const;

const description =
  "How a container of the image is run: the fields of the OCI image configuration's config, and Docker's.";

const anyValue = z.unknown().optional();

/** A config as people write it: a field that nobody knows is a mistake. */
export const Config = strictFields({
  ...shape,
  ...(Object.fromEntries(others.map((name) => [name, anyValue])) as Record<
    (typeof others)[number],
    typeof anyValue
  >),
}).describe(description);

/** A config that comes from elsewhere: fields that aren't known are passed on. */
export const AnyConfig = z.looseObject(shape).describe(description);

const Words = z
  .union([z.string(), z.array(z.string())], {
    error: "must be a command, as a text or as a list of its words",
  })
  .transform((command, context) => {
    const words = typeof command === "string" ? splitWords(command) : command;
    if (words !== undefined && words.length > 0) return words;
    context.addIssue({
      code: "custom",
      message:
        'must be a plain command, since no shell reads it; give the words of another one as a list, such as ["sh", "-c", "…"]',
    });
    return z.NEVER;
  });

const UNITS = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

const Duration = z
  .string()
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/, "must be a number with a unit, such as 30s")
  .transform((text) => Math.round(Number.parseFloat(text) * UNITS[unitOf(text)]));

function unitOf(text: string): keyof typeof UNITS {
  return text.replace(/^[\d.]+/, "") as keyof typeof UNITS;
}

const Healthcheck = z
  .union(
    [
      z.literal(false).transform(() => ({ Test: ["NONE"] })),
      Words.transform((words) => ({ Test: ["CMD", ...words] })),
      strictFields({
        cmd: Words,
        interval: Duration.optional(),
        timeout: Duration.optional(),
        startPeriod: Duration.optional(),
        retries: z.int().min(1).optional(),
      }).transform(({ cmd, interval, timeout, startPeriod, retries }) => ({
        Test: ["CMD", ...cmd],
        ...(interval !== undefined && { Interval: interval }),
        ...(timeout !== undefined && { Timeout: timeout }),
        ...(startPeriod !== undefined && { StartPeriod: startPeriod }),
        ...(retries !== undefined && { Retries: retries }),
      })),
    ],
    {
      error:
        'must be a command, false for none, or { "cmd": …, "interval": "30s", "timeout": …, "startPeriod": …, "retries": 3 }',
    },
  )
  .describe(
    "A command that tells whether a container is well, without a shell: a text or a list of words, false for none, or an object with cmd, interval, timeout, startPeriod (such as 30s) and retries.",
  );

const Port = z.union(
  [z.int().min(1).max(65_535), z.string().regex(/^\d{1,5}(?:-\d{1,5})?(?:\/(?:tcp|udp|sctp))?$/)],
  { error: "must be a port, such as 3000 or 53/udp" },
);

/** The short forms, beside the full `config`. */
export const shortFields = {
  cmd: Words.optional().describe(
    "What a container runs, config.Cmd in short: a text that is split into words, or a list of them.",
  ),
  expose: z
    .array(Port)
    .optional()
    .describe("Ports that it listens on, config.ExposedPorts in short, such as 3000 or 53/udp."),
  env: z
    .record(
      z.string().regex(/^[^=\0]+$/, "must be a name"),
      z.union([z.string(), z.number(), z.boolean()]).transform(String),
    )
    .optional()
    .describe("Environment variables, config.Env in short."),
  user: z
    .union([z.string().min(1), z.int().min(0)], { error: "must be a name or a number" })
    .transform(String)
    .optional()
    .describe("The user as whom it runs, config.User in short: a name, a number, or both with a group."),
  healthcheck: Healthcheck.optional(),
} as const;

const short = z.object(shortFields);
type ShortFields = z.output<typeof short>;
type RunConfig = z.output<typeof AnyConfig>;

/** The fields of which a spec may have the short form or the full one. */
const EITHER = { cmd: "Cmd", user: "User", healthcheck: "Healthcheck" } as const;

/** The field that a spec says twice, once in short; undefined if there is none. */
export function saidTwice(
  fields: ShortFields & { readonly config: RunConfig },
): { readonly short: string; readonly full: string } | undefined {
  const { config } = fields;
  for (const [short, full] of Object.entries(EITHER)) {
    const isGiven = fields[short as keyof typeof EITHER] !== undefined;
    if (isGiven && config[full] !== undefined) return { short, full: `config.${full}` };
  }
  const set = new Set(config.Env?.map((entry) => entry.split("=", 1)[0]!));
  const name = Object.keys(fields.env ?? {}).find((name) => set.has(name));
  return name === undefined ? undefined : { short: `env.${name}`, full: "config.Env" };
}

/** A spec in which the full config has what the short forms said. */
export function withoutShortForms<Fields extends ShortFields & { readonly config: RunConfig }>(
  fields: Fields,
): Omit<Fields, keyof ShortFields> {
  const { cmd, expose, env, user, healthcheck, ...rest } = fields;
  const ports = (expose ?? []).map((port) => (/\//.test(`${port}`) ? `${port}` : `${port}/tcp`));
  const exposed = Object.fromEntries(ports.map((port) => [port, {}]));
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  return {
    ...rest,
    config: {
      ...fields.config,
      ...(user !== undefined && { User: user }),
      ...(ports.length > 0 && { ExposedPorts: { ...fields.config.ExposedPorts, ...exposed } }),
      ...(variables.length > 0 && { Env: [...(fields.config.Env ?? []), ...variables] }),
      ...(cmd !== undefined && { Cmd: cmd }),
      ...(healthcheck !== undefined && { Healthcheck: healthcheck }),
    },
  };
}
