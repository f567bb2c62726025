import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageSpecInput } from "#spec";
import { mustRun, type RunOptions, run } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { builtCommand } from "../../support/varve.ts";
import { type Dockerd, startDockerd } from "./dockerd.ts";

export interface Built {
  readonly archive: string;
  /** What varve wrote on stderr. */
  readonly said: string;
}

export interface BuildHow extends RunOptions {
  /** Makes another command of varve's, to run it elsewhere or as somebody else. */
  readonly through?: (command: readonly string[]) => readonly [string, ...string[]];
  /** Where the image goes, by default an archive. */
  readonly place?: string;
}

/** A folder for specs and archives, and a Docker Engine that runs what comes of them. */
export interface Workbench {
  readonly folder: string;
  readonly dockerd: Dockerd;
  /** Builds a spec with `varve build`; its `name` is also the archive's. */
  build(spec: ImageSpecInput, how?: BuildHow): Promise<Built>;
  /** Builds a spec, and loads the image. */
  load(spec: ImageSpecInput, how?: BuildHow): Promise<Built>;
  /** What a shell text prints in a container of an image. */
  sh(image: string, text: string, options?: readonly string[]): Promise<string>;
}

export async function startWorkbench(outer: Scope): Promise<Workbench> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  chmodSync(folder, 0o755);
  const dockerd = await startDockerd(scope);
  let number = 0;
  const build = async (spec: ImageSpecInput, how: BuildHow = {}): Promise<Built> => {
    const { through = (command) => command as [string, ...string[]], place, ...options } = how;
    const unique = `${spec.name.toLowerCase().replaceAll(/[/:]/g, "-")}-${++number}`;
    const file = join(folder, `${unique}.json`);
    writeFileSync(file, JSON.stringify({ tag: "1", ...spec }));
    const archive = join(folder, `${unique}.tar`);
    const command = [...builtCommand, "build", file, "--output", place ?? `docker-archive:${archive}`];
    const { code, stderr } = await run(through(command), options);
    assert.equal(code, 0, stderr);
    return { archive, said: stderr };
  };
  return {
    folder,
    dockerd,
    build,
    async load(spec, how) {
      const built = await build(spec, how);
      await dockerd.load(built.archive);
      return built;
    },
    async sh(image, text, options = []) {
      const args = ["run", "--rm", "--network", "none", ...options, image, "/bin/sh", "-c", text];
      const { code, stdout, stderr } = await dockerd.docker(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
      return stdout.toString();
    },
  };
}

/** A folder with busybox and links to its programs, as a root to be copied. */
export async function busyboxTree(tree: string): Promise<string> {
  mkdirSync(join(tree, "bin"), { recursive: true });
  const busybox = (await mustRun(["sh", "-c", "command -v busybox"])).trim();
  cpSync(busybox, join(tree, "bin/busybox"));
  for (const name of "sh ls cat rm mkdir rmdir chown chmod ln id stat find readlink ping grep test".split(
    " ",
  )) {
    symlinkSync("busybox", join(tree, "bin", name));
  }
  return tree;
}
