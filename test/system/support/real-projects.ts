/** Real projects: what their authors would have written, installed by a package manager and built. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";
import { keptFolder } from "./kept.ts";
import {
  bun,
  MANAGERS,
  type Manager,
  managers,
  managersEnv,
  npm,
  pnpm,
  yarn1,
  yarn4,
} from "./package-managers.ts";

/** How a project comes to be: of which folders in `fixtures/projects`, one laid over the other, and by what. */
interface Recipe {
  readonly of: readonly string[];
  readonly manager: Manager;
  /** The folders that are projects of their own; by default the whole. */
  readonly apps?: readonly string[];
  /** Whether its script `build` is run. */
  readonly isBuilt?: true;
  /** The project that it differs from by its files only, so that it needn't be installed again. */
  readonly like?: "next";
}

const APPS = ["apps/api", "apps/web"];

const RECIPES = {
  express: { of: ["express"], manager: npm },
  fastify: { of: ["fastify"], manager: npm, isBuilt: true },
  nest: { of: ["nest"], manager: npm, isBuilt: true },
  // As npm resolved them on the first of June 2026.
  "fastify-earlier": { of: ["fastify", "fastify-earlier"], manager: npm, isBuilt: true },
  "nest-earlier": { of: ["nest", "nest-earlier"], manager: npm, isBuilt: true },
  next: { of: ["next"], manager: npm, isBuilt: true },
  "next-standalone": { of: ["next-standalone"], manager: npm, isBuilt: true, like: "next" },
  astro: { of: ["astro"], manager: npm, isBuilt: true },
  natives: { of: ["natives"], manager: npm },
  "platforms-npm": { of: ["platforms", "platforms-npm"], manager: npm, isBuilt: true },
  "platforms-pnpm": { of: ["platforms", "platforms-pnpm"], manager: pnpm(), isBuilt: true },
  tool: { of: ["tool"], manager: npm },
  "npm-workspace": { of: ["workspace", "npm-workspace"], manager: npm, apps: APPS },
  pnpm: { of: ["stripped"], manager: pnpm() },
  "pnpm-hoisted": { of: ["koa", "pnpm-hoisted"], manager: pnpm("--config.node-linker=hoisted") },
  "pnpm-workspace": { of: ["workspace", "pnpm-workspace"], manager: pnpm(), apps: APPS },
  "yarn1-workspace": { of: ["workspace", "yarn1-workspace"], manager: yarn1, apps: APPS },
  "yarn4-workspace": {
    of: ["workspace", "yarn4-workspace"],
    manager: yarn4("node-modules"),
    apps: APPS,
  },
  "yarn4-pnp": { of: ["koa", "yarn4-pnp"], manager: yarn4("pnp") },
  bun: { of: ["hono", "bun"], manager: bun("hoisted") },
  "bun-isolated": { of: ["hono", "bun"], manager: bun("isolated") },
} satisfies Record<string, Recipe>;

export type RealProject = keyof typeof RECIPES;

/** What is in files of each project that belong in no image. */
export const CANARY = "canary-2b7e151628aed2a6";

/** Files with the canary; what keeps them out is their names, or what is in them. */
const SECRETS: Readonly<Record<string, string>> = {
  ".env": `SECRET=${CANARY}\n`,
  ".env.production": `OTHER_SECRET=${CANARY}\n`,
  ".npmrc": `//registry.invalid/:_authToken=${CANARY}\n`,
  "certs/server.key": `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`,
};

/** The repository that each is a clone of, so that it isn't taken for a part of this one. */
const GIT: Readonly<Record<string, string>> = {
  ".git/HEAD": "0123456789abcdef0123456789abcdef01234567\n",
  ".git/config": `[remote "origin"]\n\turl = https://me:${CANARY}@example.com/me/demo.git\n`,
};

const FIXTURES = fileURLToPath(new URL("../fixtures/projects", import.meta.url));

/** What changes when a project has to be made anew. */
function digestOf({ of, like, ...recipe }: Recipe): string {
  const command = recipe.manager.command("").slice(1);
  const before = like === undefined ? "" : digestOf(RECIPES[like]);
  const hash = createHash("sha256").update(JSON.stringify([recipe, command, before, MANAGERS, SECRETS, GIT]));
  for (const folder of of) {
    const files = globSync("**/*", { cwd: join(FIXTURES, folder) }).sort();
    for (const file of files.map((name) => join(FIXTURES, folder, name))) {
      if (statSync(file).isFile())
        hash.update(`\0${file.slice(FIXTURES.length)}\0`).update(readFileSync(file));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** A project's folder; it is made when it is first asked for, and then only read. */
export async function realProject(name: RealProject): Promise<string> {
  const recipe: Recipe = RECIPES[name];
  return keptFolder(`${name}-${digestOf(recipe)}`, async (project) => {
    // Tools make something else of what is below a `node_modules`, so it isn't made where it is kept.
    const elsewhere = mkdtempSync(join(tmpdir(), "varve-fixture-"));
    try {
      await make(join(elsewhere, name), recipe);
      await mustRun(["cp", "-a", `${elsewhere}/${name}/.`, project]);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });
}

async function make(project: string, recipe: Recipe): Promise<void> {
  const { of, like, manager, apps = ["."], isBuilt } = recipe;
  if (like !== undefined) await mustRun(["cp", "-a", await realProject(like), project]);
  write(project, manager.files ?? {});
  for (const folder of of) cpSync(join(FIXTURES, folder), project, { recursive: true });
  if (like === undefined) {
    const env = managersEnv(dirname(project), { isYarn1: manager === yarn1 });
    await mustRun(manager.command(await managers()), { cwd: project, env, timeoutSeconds: 300 });
    write(project, GIT);
    for (const app of new Set([".", ...apps])) write(join(project, app), SECRETS);
  }
  if (isBuilt) {
    const env = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1" };
    await mustRun(["npm", "run", "--silent", "build"], { cwd: project, env, timeoutSeconds: 300 });
  }
}

/** Writes files; what a package manager already keeps in one stays. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file)) appendFileSync(file, text);
    else writeFileSync(file, text);
  }
}
