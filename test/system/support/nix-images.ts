import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { builtCommand } from "../../support/varve.ts";
import { type NixStore, startNix } from "./nix.ts";

/** A program of `closure.nix` that was built. */
export interface Program {
  /** Its store path. */
  readonly path: string;
  /** The program in it. */
  readonly command: string;
  /** The file with what `nix path-info --json` says of its closure. */
  readonly graph: string;
  /** The store paths of its closure, itself included. */
  readonly closure: readonly string[];
}

export interface WantedImage {
  /** The image's name, of which also its files are named; its tag is `1`. */
  readonly name: string;
  /** What is in the image, and its Cmd. */
  readonly program: Program;
  readonly env: readonly string[];
  /** The archive of its base image. */
  readonly fromImage?: string;
  readonly maxLayers?: number;
}

/** Images that varve makes of a closure which a real Nix built. */
export interface NixImages {
  readonly nix: NixStore;
  /** Where the files are. */
  readonly folder: string;
  readonly base: Program;
  /** A program that shares components with `base`. */
  readonly child: Program;
  /** A program that calls `child`. */
  readonly grandchild: Program;
  /** `varve layers` of a graph, with these options. */
  planLayers(graph: string, options?: readonly string[]): Promise<string[][]>;
  /** The image by way of `varve layers` and `varve stream`: its archive, and the conf that it was made from. */
  stream(wanted: WantedImage): Promise<{ conf: string; archive: string }>;
  /** The image by way of `varve build`: its archive. */
  build(wanted: WantedImage): Promise<string>;
}

/** Builds the closure in a store that is gone with the scope, and the images' files with it. */
export async function startNixImages(scope: Scope): Promise<NixImages> {
  const folder = await temporaryFolder(scope);
  const nix = await startNix(scope);
  const closureFile = fileURLToPath(new URL("closure.nix", import.meta.url));

  const program = async (attribute: string, command: string): Promise<Program> => {
    const path = await nix.build(closureFile, attribute);
    const info = await nix.pathInfo(path);
    const graph = join(folder, `${attribute}.json`);
    await writeFile(graph, info);
    const closure = (JSON.parse(info) as { path: string }[]).map((entry) => entry.path);
    return { path, command: `${path}/bin/${command}`, graph, closure };
  };

  const planLayers: NixImages["planLayers"] = async (graph, options = []) =>
    JSON.parse(await mustRun([...builtCommand, "layers", graph, ...options])) as string[][];

  const stream: NixImages["stream"] = async ({ name, program, env, fromImage, maxLayers }) => {
    const options = [
      ...(fromImage === undefined ? [] : ["--from-image", fromImage]),
      ...(maxLayers === undefined ? [] : ["--max-layers", String(maxLayers)]),
    ];
    const conf = await writeConf(join(folder, `${name}.conf.json`), {
      repo_tag: `${name}:1`,
      store_layers: await planLayers(program.graph, options),
      customisation_layer: await customisationLayer(join(folder, `${name}-customisation`), {
        [`etc/${name}`]: `made for ${name}\n`,
      }),
      config: { Cmd: [program.command], Env: env },
      from_image: fromImage ?? null,
    });
    const archive = join(folder, `${name}.tar`);
    await nix.run([...builtCommand, "stream", conf], { stdoutFile: archive });
    return { conf, archive };
  };

  const build: NixImages["build"] = async ({ name, program, env, fromImage, maxLayers }) => {
    const spec = {
      name,
      tag: "1",
      graph: program.graph,
      contents: [program.path],
      // As the conf is planned, so that both have the same layers of the store.
      strategy: "auto",
      config: { Cmd: [program.command], Env: env },
      ...(fromImage === undefined ? {} : { fromImage }),
      ...(maxLayers === undefined ? {} : { maxLayers }),
    };
    const file = join(folder, `${name}.spec.json`);
    await writeFile(file, JSON.stringify(spec));
    const archive = join(folder, `${name}.tar`);
    await nix.run([...builtCommand, "build", file, "--output", archive]);
    return archive;
  };

  return {
    nix,
    folder,
    base: await program("baseApp", "base-app"),
    child: await program("childApp", "child-app"),
    grandchild: await program("grandchildApp", "grandchild-app"),
    planLayers,
    stream,
    build,
  };
}

/** The fields of a conf in which these images differ, named as nixpkgs names them. */
interface StreamConf {
  readonly repo_tag: string;
  readonly store_layers: readonly (readonly string[])[];
  readonly customisation_layer: string;
  readonly config: unknown;
  readonly from_image: string | null;
}

async function writeConf(file: string, conf: StreamConf): Promise<string> {
  // What dockerTools puts there when nothing else is said.
  const usual = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    created: "1970-01-01T00:00:01+00:00",
    mtime: "1970-01-01T00:00:01+00:00",
    uid: 0,
    gid: 0,
    uname: "root",
    gname: "root",
    store_dir: "/nix/store",
  };
  await writeFile(file, JSON.stringify({ ...usual, ...conf }));
  return file;
}

/** Makes the folder that a conf calls `customisation_layer`, of these files (path in the image to content). */
async function customisationLayer(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  const tree = join(folder, "tree");
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), content);
  }
  const tar = join(folder, "layer.tar");
  const always = [
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mtime=@1",
    "--mode=a=rX,u+w",
  ];
  await mustRun(["tar", ...always, "--directory", tree, "--create", "--file", tar, "."]);
  const checksum = createHash("sha256").update(await readFile(tar));
  await writeFile(join(folder, "checksum"), checksum.digest("hex"));
  return folder;
}
