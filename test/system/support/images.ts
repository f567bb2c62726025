import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun, type RunOptions, run } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { builtCommand } from "../../support/varve.ts";

/** What an image is made of: as many store paths as `sizes`, each with a file of that many bytes. */
export interface WantedContent {
  readonly name: string;
  readonly sizes: readonly number[];
  /** The base image's place. */
  readonly from?: string;
  /** Options of `varve build` besides, such as `--push`. */
  readonly options?: readonly string[];
}

/** What `varve inspect --json` says. */
export interface Inspected {
  readonly names: readonly string[];
  /** The manifest's; absent where there is none. */
  readonly digest?: string;
  readonly config: string;
  readonly layers: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly diffId: string;
  }[];
}

/** Makes images with varve, of stores in a temporary folder. */
export class Images {
  readonly folder: string;
  /** Added to varve's environment. */
  readonly #env: Record<string, string>;

  constructor(folder: string) {
    this.folder = folder;
    // Neither the user's credentials nor their Docker.
    this.#env = {
      DOCKER_CONFIG: join(folder, "docker"),
      HOME: folder,
      REGISTRY_AUTH_FILE: join(folder, "auth.json"),
    };
  }

  /** A command line of varve's and its environment. */
  command(args: readonly string[]): { command: [string, ...string[]]; env: Record<string, string> } {
    return { command: [...builtCommand, ...args], env: this.#env };
  }

  /** Runs varve, which must succeed, and returns what it prints. */
  varve(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { command, env } = this.command(args);
    return mustRun(command, { ...options, env: { ...env, ...options.env } });
  }

  /** The sentence that varve fails with. */
  async failure(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { command, env } = this.command(args);
    const { code, stderr } = await run(command, { ...options, env: { ...env, ...options.env } });
    if (code !== 1) throw new Error(`varve ${args.join(" ")} ended with ${code}\n${stderr}`);
    return stderr.trimEnd().split("\n").at(-1) ?? "";
  }

  async inspect(place: string, ...options: string[]): Promise<Inspected> {
    return JSON.parse(await this.varve(["inspect", place, "--json", ...options])) as Inspected;
  }

  /** Builds a docker-archive and returns its path. A static busybox is in it, and greets. */
  async build({ name, sizes, from, options = [] }: WantedContent): Promise<string> {
    const archive = join(this.folder, `${name}.tar`);
    const spec = await this.spec({ name, sizes });
    const base = from === undefined ? [] : ["--from", from];
    await this.varve([
      "build",
      spec,
      "--quiet",
      ...base,
      "--output",
      `docker-archive:${archive}`,
      ...options,
    ]);
    return archive;
  }

  /** Makes a store and a spec of an image of it; returns the spec's path. */
  async spec({ name, sizes }: WantedContent): Promise<string> {
    const store = join(this.folder, `${name}-store`);
    const paths = sizes.map((_, index) => join(store, `${name}-${index}`));
    for (const [index, path] of paths.entries()) {
      await mkdir(join(path, "share"), { recursive: true });
      await writeFile(join(path, "share", "data"), filling(sizes[index]!, `${name} ${index}`));
    }
    const program = join(paths[0]!, "bin");
    await mkdir(program);
    const [busybox = ""] = (await mustRun(["which", "busybox"])).split("\n");
    await cp(busybox, join(program, "busybox"), { dereference: true });
    const graph = join(this.folder, `${name}.graph.json`);
    const components = paths.map((path, index) => ({ path, references: paths.slice(index + 1, index + 2) }));
    await writeFile(graph, JSON.stringify(components));
    const spec = join(this.folder, `${name}.json`);
    const config = { Cmd: ["/bin/busybox", "echo", `Hello from ${name}`] };
    await writeFile(spec, JSON.stringify({ name, tag: "1", graph, contents: [paths[0]], config }));
    return spec;
  }
}

/** Folders and files for images, gone with the scope. */
export async function startImages(scope: Scope): Promise<Images> {
  return new Images(await temporaryFolder(scope));
}

/** Bytes that compress to some two thirds and are the same every time. */
function filling(size: number, seed: string): Buffer {
  const bytes = Buffer.alloc(size);
  let state = [...seed].reduce((sum, character) => (Math.imul(sum, 31) + character.charCodeAt(0)) >>> 0, 7);
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = (state >>> 24) & 0x1f;
  }
  return bytes;
}
