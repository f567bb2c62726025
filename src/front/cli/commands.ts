import type { Command } from "commander";

/** A module in `commands/`: one verb, loaded when it is called. */
interface CommandModule {
  command(): Command;
}

/** Where a command stands in the help, the first group first. */
export const GROUPS = {
  build: "Making images:",
  images: "Images, wherever they are:",
  machine: "This machine:",
  nix: "Nix and dockerTools:",
} as const;

interface KnownCommand {
  readonly summary: string;
  readonly group: (typeof GROUPS)[keyof typeof GROUPS];
  /** Whether it needs the definitions of all others. */
  readonly isAboutAll?: true;
  load(): Promise<CommandModule>;
}

/** What varve can do, in the order of the help. */
export const COMMANDS: Record<string, KnownCommand> = {
  build: {
    summary: "build the image of a project, or of a spec",
    group: GROUPS.build,
    load: () => import("./commands/build.ts"),
  },
  bake: {
    summary: "build many images in one run",
    group: GROUPS.build,
    load: () => import("./commands/bake.ts"),
  },
  init: {
    summary: "write a project's spec down, to be changed",
    group: GROUPS.build,
    load: () => import("./commands/init.ts"),
  },
  plan: {
    summary: "show the layers of an image before it is built",
    group: GROUPS.build,
    load: () => import("./commands/plan.ts"),
  },
  layer: {
    summary: "do the job of one layer, planned elsewhere",
    group: GROUPS.build,
    load: () => import("./commands/layer.ts"),
  },
  assemble: {
    summary: "put an image together of layers that jobs have made",
    group: GROUPS.build,
    load: () => import("./commands/assemble.ts"),
  },
  why: {
    summary: "say what a change to an image costs, and why",
    group: GROUPS.build,
    load: () => import("./commands/why.ts"),
  },
  push: {
    summary: "copy an image to a registry",
    group: GROUPS.images,
    load: () => import("./commands/push.ts"),
  },
  pull: {
    summary: "copy an image from a registry",
    group: GROUPS.images,
    load: () => import("./commands/pull.ts"),
  },
  load: {
    summary: "load an image into the Docker daemon",
    group: GROUPS.images,
    load: () => import("./commands/load.ts"),
  },
  serve: {
    summary: "serve images to whoever pulls them",
    group: GROUPS.images,
    load: () => import("./commands/serve.ts"),
  },
  copy: {
    summary: "copy an image from one place to another",
    group: GROUPS.images,
    load: () => import("./commands/copy.ts"),
  },
  relayer: {
    summary: "split an image into layers by the packages in it",
    group: GROUPS.images,
    load: () => import("./commands/relayer.ts"),
  },
  compare: {
    summary: "say whether two images have the same root file system",
    group: GROUPS.images,
    load: () => import("./commands/compare.ts"),
  },
  inspect: {
    summary: "show what is in an image",
    group: GROUPS.images,
    load: () => import("./commands/inspect.ts"),
  },
  tree: {
    summary: "show what hangs on an image",
    group: GROUPS.images,
    load: () => import("./commands/tree.ts"),
  },
  attach: {
    summary: "attach files to an image",
    group: GROUPS.images,
    load: () => import("./commands/attach.ts"),
  },
  sbom: {
    summary: "write down what an image is made of",
    group: GROUPS.images,
    load: () => import("./commands/sbom.ts"),
  },
  "diff-sbom": {
    summary: "say which packages two images don't have in common",
    group: GROUPS.images,
    load: () => import("./commands/diff-sbom.ts"),
  },
  check: {
    summary: "look for what is wrong with an image",
    group: GROUPS.images,
    load: () => import("./commands/check.ts"),
  },
  validate: {
    summary: "check all of an image",
    group: GROUPS.images,
    load: () => import("./commands/validate.ts"),
  },
  sign: {
    summary: "sign an image",
    group: GROUPS.images,
    load: () => import("./commands/sign.ts"),
  },
  attest: {
    summary: "sign what is said of an image, such as an SBOM",
    group: GROUPS.images,
    load: () => import("./commands/attest.ts"),
  },
  verify: {
    summary: "verify who has signed an image",
    group: GROUPS.images,
    load: () => import("./commands/verify.ts"),
  },
  export: {
    summary: "write an image's root file system as a tar archive",
    group: GROUPS.images,
    load: () => import("./commands/export.ts"),
  },
  merge: {
    summary: "put several images into one archive",
    group: GROUPS.images,
    load: () => import("./commands/merge.ts"),
  },
  index: {
    summary: "make an index over several platforms",
    group: GROUPS.images,
    load: () => import("./commands/index-command.ts"),
  },
  lock: {
    summary: "write down which image a reference means, for Nix",
    group: GROUPS.images,
    load: () => import("./commands/lock.ts"),
  },
  gc: {
    summary: "say what in registries and layouts nothing needs, and remove it",
    group: GROUPS.images,
    load: () => import("./commands/gc.ts"),
  },
  login: {
    summary: "keep a registry's credentials",
    group: GROUPS.machine,
    load: () => import("./commands/login.ts"),
  },
  logout: {
    summary: "forget a registry's credentials",
    group: GROUPS.machine,
    load: () => import("./commands/logout.ts"),
  },
  cache: {
    summary: "tell of the digests that are kept, and prune them",
    group: GROUPS.machine,
    load: () => import("./commands/cache.ts"),
  },
  completion: {
    summary: "let a shell complete commands, options and files",
    group: GROUPS.machine,
    isAboutAll: true,
    load: () => import("./commands/completion.ts"),
  },
  stream: {
    summary: "stream an image from dockerTools' conf JSON",
    group: GROUPS.nix,
    load: () => import("./commands/stream.ts"),
  },
  layers: {
    summary: "plan the layers of a references graph",
    group: GROUPS.nix,
    load: () => import("./commands/layers.ts"),
  },
  nix: {
    summary: "do a step of the Nix functions",
    group: GROUPS.nix,
    load: () => import("./commands/nix.ts"),
  },
};
