import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Programs, type ReadForOptions, readForPlatform } from "#install";
import { findProgram } from "#sandbox";

/** A package that an invented registry has. */
export interface Published {
  readonly version?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  /** Its files besides `package.json`; bytes as latin1. */
  readonly files?: Readonly<Record<string, string>>;
}

export type Registry = Readonly<Record<string, Published>>;

/** What npm does, in short: installs from the lock file what fits, and says how it was called. */
const NPM = `#!${process.execPath}
const { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const here = __dirname;
const args = process.argv.slice(2);
const option = (name) => args.find((arg) => arg.startsWith("--" + name + "="))?.split("=")[1];
const npmrc = existsSync(".npmrc") ? readFileSync(".npmrc", "utf8") : "";
appendFileSync(join(here, "calls"), JSON.stringify({ args, cwd: process.cwd(), npmrc }) + "\\n");
if (existsSync(join(here, "fails"))) {
  console.error("npm error code EINTEGRITY\\nnpm error http://me:secret@registry.example/a is not what is locked");
  process.exit(1);
}
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const fits = (list, value) => list === undefined || value === undefined || list.includes(value);
const packages = {};
for (const [key, entry] of Object.entries(lock.packages)) {
  if (key === "" || (entry.dev && args.includes("--omit=dev"))) continue;
  if (!fits(entry.os, option("os")) || !fits(entry.cpu, option("cpu")) || !fits(entry.libc, option("libc"))) continue;
  packages[key] = entry;
  mkdirSync(key, { recursive: true });
  cpSync(join(here, "registry", key.replace("node_modules/", "")), key, { recursive: true });
}
mkdirSync("node_modules/.bin", { recursive: true });
writeFileSync("node_modules/.package-lock.json", JSON.stringify({ lockfileVersion: 3, packages }));
`;

/** A project with a lock file of all packages of a registry, and programs that install from that. */
export class World {
  readonly folder: string;
  readonly project: string;
  readonly kept: string;

  constructor(folder: string, registry: Registry, needs: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.project = join(folder, "project");
    this.kept = join(folder, "cache/trees");
    this.write("bin/npm", NPM);
    chmodSync(join(folder, "bin/npm"), 0o755);
    mkdirSync(join(folder, "bin/registry"), { recursive: true });
    mkdirSync(join(folder, "temporary"));
    const packages: Record<string, unknown> = {};
    for (const [name, { files = {}, ...published }] of Object.entries(registry)) {
      const manifest = { name, version: "1.0.0", ...published };
      this.write(`bin/registry/${name}/package.json`, JSON.stringify(manifest));
      for (const [path, text] of Object.entries(files)) this.write(`bin/registry/${name}/${path}`, text);
      const { scripts: _, bin: _bin, ...locked } = manifest;
      const optional = locked.os === undefined ? {} : { optional: true };
      packages[`node_modules/${name}`] = { ...locked, ...optional, integrity: `sha512-${name}` };
    }
    const manifest = { name: "app", version: "1.0.0", dependencies: needs };
    this.write("project/package.json", JSON.stringify(manifest));
    this.write(
      "project/package-lock.json",
      JSON.stringify({ lockfileVersion: 3, packages: { "": manifest, ...packages } }),
    );
    this.write("project/index.js", "app");
  }

  /** Bytes as latin1. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), Buffer.from(text, "latin1"));
  }

  /** How the package manager was called. */
  calls(): { args: string[]; cwd: string; npmrc: string }[] {
    const file = join(this.folder, "bin/calls");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  get programs(): Programs {
    const path = `${join(this.folder, "bin")}:${dirname(process.execPath)}`;
    return { find: (name) => findProgram(name, path), environment: { PATH: path } };
  }

  async read(options: Partial<ReadForOptions> = {}, project = this.project) {
    return await readForPlatform(project, {
      platform: { os: "linux", architecture: FOREIGN.architecture, libc: "glibc" },
      libc: async () => undefined,
      omitDev: true,
      nodeVersion: "24.1.0",
      programs: this.programs,
      kept: this.kept,
      temporary: join(this.folder, "temporary"),
      now: 1e12,
      ...options,
    });
  }
}

/** This machine's architecture and another one, in Node's words and in Go's. */
export const HERE = { cpu: process.arch };
export const FOREIGN =
  process.arch === "arm64"
    ? { cpu: "x64", architecture: "amd64", machine: 62 }
    : { cpu: "arm64", architecture: "arm64", machine: 183 };

/** The start of a shared library for a machine. */
export function elf(machine: number): string {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  return header.toString("latin1");
}
