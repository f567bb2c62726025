import type { Command } from "commander";

/** A module in `commands/`: one verb, loaded when it is called. */
interface CommandModule {
  command(): Command;
}

/** What varve can do, in the order of the help. */
export const COMMANDS: Record<string, { summary: string; load(): Promise<CommandModule> }> = {
  build: { summary: "build an image from a project or a spec", load: () => import("./commands/build.ts") },
  init: { summary: "write a project's spec down, to be changed", load: () => import("./commands/init.ts") },
  stream: {
    summary: "stream an image from dockerTools' conf JSON",
    load: () => import("./commands/stream.ts"),
  },
  layers: { summary: "plan the layers of a references graph", load: () => import("./commands/layers.ts") },
  plan: {
    summary: "show the layers of an image before it is built",
    load: () => import("./commands/plan.ts"),
  },
  copy: { summary: "copy an image from one place to another", load: () => import("./commands/copy.ts") },
  pull: { summary: "copy an image from a registry", load: () => import("./commands/pull.ts") },
  push: { summary: "copy an image to a registry", load: () => import("./commands/push.ts") },
  export: {
    summary: "write an image's root file system as a tar archive",
    load: () => import("./commands/export.ts"),
  },
  merge: { summary: "put several images into one archive", load: () => import("./commands/merge.ts") },
  load: { summary: "load an image into the Docker daemon", load: () => import("./commands/load.ts") },
  inspect: { summary: "show what is in an image", load: () => import("./commands/inspect.ts") },
  why: { summary: "say what a change to an image costs, and why", load: () => import("./commands/why.ts") },
  validate: { summary: "check all of an image", load: () => import("./commands/validate.ts") },
  index: {
    summary: "make an index over several platforms",
    load: () => import("./commands/index-command.ts"),
  },
  cache: {
    summary: "tell of the digests that are kept, and prune them",
    load: () => import("./commands/cache.ts"),
  },
  nix: { summary: "do a step of the Nix functions", load: () => import("./commands/nix.ts") },
  login: { summary: "keep a registry's credentials", load: () => import("./commands/login.ts") },
  logout: { summary: "forget a registry's credentials", load: () => import("./commands/logout.ts") },
};
