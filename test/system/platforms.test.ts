import assert from "node:assert/strict";
import { once } from "node:events";
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, stacked, temporaryFolder } from "../support/tmp.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { Images } from "./support/images.ts";
import { managers, managersEnv } from "./support/package-managers.ts";
import { type Architecture, type Libc, MUSL_NODE, platformBases } from "./support/platform-bases.ts";
import { realProject } from "./support/real-projects.ts";

const MANAGERS = ["npm", "pnpm"] as const;
type Manager = (typeof MANAGERS)[number];
const LIBCS: readonly Libc[] = ["glibc", "musl"];
const ARCHITECTURES: readonly Architecture[] = ["amd64", "arm64"];
const CPUS = { amd64: "x64", arm64: "arm64" };
/** What is in the layers matters here, and it is a gigabyte and more of each image. */
const QUICKLY = ["--quiet", "--compression", "none"];
/** As `readelf` calls them. */
const MACHINES = { amd64: "Advanced Micro Devices X86-64", arm64: "AArch64" };

/** A copy of the project, in which an older `better-sqlite3` has a file that stands for the one that it fetches or compiles. */
async function copyProject(manager: Manager, folder: string): Promise<string> {
  const project = join(folder, `project-${manager}`);
  await mustRun(["cp", "-a", await realProject(`platforms-${manager}`), project]);
  const modules = join(project, "node_modules");
  const compiled = join(modules, "better-sqlite3-fetched/build/Release");
  mkdirSync(compiled, { recursive: true });
  const stand = join(modules, "bcrypt/prebuilds/linux-x64/bcrypt.glibc.node");
  cpSync(stand, join(compiled, "better_sqlite3.node"));
  return project;
}

/** Has the files that `prebuild-install` asks for: those of another package, which stand for them. */
async function startMirror(scope: Scope, bcrypt: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const [, musl, cpu] = /-linux(musl)?-(x64|arm64)\.tar\.gz$/.exec(request.url ?? "") ?? [];
    asked.push(request.url ?? "");
    if (cpu === undefined) return void response.writeHead(404).end();
    const folder = await temporaryFolder(scope);
    mkdirSync(join(folder, "build/Release"), { recursive: true });
    const file = join(bcrypt, `prebuilds/linux-${cpu}/bcrypt.${musl ?? "glibc"}.node`);
    cpSync(file, join(folder, "build/Release/better_sqlite3.node"));
    await mustRun(["tar", "czf", "a.tar.gz", "build"], { cwd: folder });
    response.end(readFileSync(join(folder, "a.tar.gz")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe("images for several platforms", {
  skip: requires("npm", "root", "docker", "debianPackages", "emulation"),
}, () => {
  const scope = stacked({ after });
  let folder: string;
  let images: Images;
  let registry: FakeRegistry;
  let dockerd: Dockerd;
  let mirror: Awaited<ReturnType<typeof startMirror>>;
  let env: Readonly<Record<string, string | undefined>>;
  const projects = new Map<Manager, string>();

  before(async () => {
    folder = await temporaryFolder(scope);
    images = new Images(folder);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    dockerd = await startDockerd(scope);
    for (const manager of MANAGERS) projects.set(manager, await copyProject(manager, folder));
    mirror = await startMirror(scope, join(projects.get("npm")!, "node_modules/bcrypt"));
    env = {
      ...managersEnv(folder, { isYarn1: false }),
      PATH: `${await managers()}/.bin:${dirname(process.execPath)}:${process.env["PATH"]}`,
      VARVE_CACHE_DIR: join(folder, "cache"),
      npm_config_better_sqlite3_binary_host: mirror.url,
      // Packages are taken from where they were put when the project was installed.
      npm_config_cache: (await mustRun(["npm", "config", "get", "cache"])).trim(),
    };
    const base = await platformBases();
    for (const libc of LIBCS) {
      const places: string[] = [];
      for (const architecture of ARCHITECTURES) {
        const spec = join(folder, `base-${libc}-${architecture}.json`);
        const version = libc === "musl" ? MUSL_NODE : process.versions.node;
        const config = {
          Env: ["PATH=/usr/local/bin:/usr/bin:/bin", `NODE_VERSION=${version}`],
          Cmd: ["node"],
        };
        const tag = `${libc}-${architecture}`;
        const copyToRoot = base(architecture, libc);
        writeFileSync(
          spec,
          JSON.stringify({ name: "base", tag, architecture, tmp: true, copyToRoot, config }),
        );
        places.push(`oci:${folder}/bases:${tag}`);
        await images.varve(["build", spec, ...QUICKLY, "--output", places.at(-1)!]);
      }
      await images.varve(["index", "create", `docker://${registry.host}/base:${libc}`, ...places, "--quiet"]);
    }
  });

  const reference = (manager: Manager, libc: Libc) => `${registry.host}/${manager}:${libc}`;

  const built = new Map<string, Promise<void>>();
  /** Builds for all architectures, and pushes to the registry, once. */
  const build = (manager: Manager, libc: Libc): Promise<void> => {
    const image = reference(manager, libc);
    const push = async () => {
      const platforms = ARCHITECTURES.map((architecture) => `linux/${architecture}`).join(",");
      const { command, env: usual } = images.command([
        ...["build", projects.get(manager)!, "--from", `docker://${registry.host}/base:${libc}`],
        ...["--platform", platforms, "--push", image, ...QUICKLY],
      ]);
      const { code, stderr } = await run(command, { env: { ...usual, ...env }, timeoutSeconds: 300 });
      assert.equal(code, 0, stderr);
    };
    if (!built.has(image)) built.set(image, push());
    return built.get(image)!;
  };

  /** An image's root file system as an archive. */
  const exported = async (
    manager: Manager,
    { architecture, libc }: { architecture: Architecture; libc: Libc },
  ): Promise<string> => {
    const archive = join(folder, `${manager}-${libc}-${architecture}.tar`);
    const image = `docker://${reference(manager, libc)}`;
    await images.varve(["export", image, "--platform", `linux/${architecture}`, "--output", archive]);
    return archive;
  };

  for (const libc of LIBCS) {
    for (const manager of MANAGERS) {
      it(`have the right files only, on ${libc}, by ${manager}, and leave the project as it is`, async () => {
        const before = await namesIn(projects.get(manager)!);
        await build(manager, libc);
        assert.equal(await namesIn(projects.get(manager)!), before);
        for (const architecture of ARCHITECTURES) {
          const archive = await exported(manager, { architecture, libc });
          await assertRight(archive, architecture, libc);
          rmSync(archive);
        }
      });
    }
  }

  for (const libc of LIBCS) {
    for (const manager of MANAGERS) {
      it(`run in the Docker Engine on ${libc}, made by ${manager}`, async () => {
        await build(manager, libc);
        const image = reference(manager, libc);
        const { code, stderr } = await dockerd.docker(["pull", "--quiet", image]);
        assert.equal(code, 0, stderr);
        assertAnswer(await dockerd.output(image, ["node", "index.js"]), "amd64");
      });
    }

    it(`run emulated on ${libc}, for an architecture that isn't this machine's`, async () => {
      await build("npm", libc);
      const archive = await exported("npm", { architecture: "arm64", libc });
      const root = join(folder, `root-${libc}`);
      mkdirSync(root);
      await mustRun(["tar", "xf", archive, "-C", root]);
      rmSync(archive);
      assertAnswer(await emulated(root, ["/usr/local/bin/node", "/app/index.js"]), "arm64");
      const esbuild = "/app/node_modules/@esbuild/linux-arm64/bin/esbuild";
      assert.equal(await emulated(root, [esbuild, "--version"]), "0.25.0\n");
    });
  }

  it("asked for the files that packages fetch by their platforms", async () => {
    for (const libc of LIBCS) for (const manager of MANAGERS) await build(manager, libc);
    const kinds = mirror.asked.map((url) => /linux(?:musl)?-(?:x64|arm64)/.exec(url)?.[0]);
    assert.deepEqual([...new Set(kinds)].sort(), ["linux-arm64", "linuxmusl-arm64", "linuxmusl-x64"]);
  });
});

/** What is in a folder, with when it last changed. */
async function namesIn(folder: string): Promise<string> {
  return mustRun(["find", folder, "-printf", "%P %y %s %C@\n"]);
}

/** What a program for another architecture prints in a root. */
async function emulated(root: string, program: readonly string[]): Promise<string> {
  mkdirSync(join(root, "proc"), { recursive: true });
  cpSync("/usr/bin/qemu-aarch64-static", join(root, "qemu"));
  const inside = ["--mount", "--pid", "--fork", "--kill-child", `--mount-proc=${root}/proc`];
  return mustRun(["unshare", ...inside, "chroot", root, "/qemu", ...program], {
    env: { HOME: "/tmp", NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    timeoutSeconds: 300,
  });
}

/** The project has used each package with machine code, and has answered a request with Next. */
function assertAnswer(printed: string, architecture: Architecture): void {
  const [first = "", page] = printed.trim().split("\n");
  assert.deepEqual(JSON.parse(first), {
    arch: CPUS[architecture],
    format: "png",
    esbuild: "0.25.0",
    isSame: true,
    swc: "var b = 1;\n",
    sql: "3.54.1",
  });
  assert.equal(page, "<p>Hello from Next</p>");
}

/** What is no program and no library, by its name. */
const TEXT = /\.(?:[cm]?[jt]sx?|json|map|md|html|css|txt|ya?ml|[ch]|[ch]pp|cc)$/;

/** Each file of machine code in a root is for the architecture, and no package for another platform. */
async function assertRight(archive: string, architecture: Architecture, libc: Libc): Promise<void> {
  const root = archive.replace(/\.tar$/, "");
  mkdirSync(root);
  const listed = await mustRun(["tar", "-t", "--quoting-style=literal", "-f", archive]);
  const paths = listed.split("\n").filter((path) => path.startsWith("app/"));
  // Of tens of thousands of files some hundred may be programs.
  const chosen = paths.filter((path) => !path.endsWith("/") && !TEXT.test(path));
  await mustRun(["tar", "-x", "-f", archive, "-C", root, "--verbatim-files-from", "--files-from=-"], {
    input: chosen.join("\n"),
  });
  const found = await mustRun(["find", join(root, "app"), "-type", "f", "-size", "+1k", "-print0"]);
  const programs: string[] = [];
  for (const file of found.split("\0").filter((path) => path !== "")) {
    const start = startOf(file);
    assert.ok(!/^(?:MZ|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe)/.test(start), file);
    if (start === "\x7fELF") programs.push(file);
  }
  const read = await mustRun(["readelf", "-h", ...programs]);
  const machines = [...read.matchAll(/^ *Machine: +(.*)$/gm)].map(([, machine]) => machine);
  assert.equal(machines.length, programs.length);
  assert.deepEqual([...new Set(machines)], [MACHINES[architecture]]);
  const names = programs.map((file) => file.slice(root.length));
  const sqlite = `better-sqlite3/prebuilds/linux${libc === "musl" ? "musl" : ""}-${CPUS[architecture]}.node`;
  for (const name of ["sharp-", "esbuild", sqlite, "better_sqlite3.node", "bcrypt", "swc.linux", "next-swc"])
    assert.ok(
      names.some((path) => path.includes(name)),
      `${name} is in none of ${names.join(" ")}`,
    );
  const dynamic = await mustRun(["readelf", "-d", ...programs]);
  const other = libc === "glibc" ? /libc\.musl|ld-musl/ : /ld-linux-(?:x86-64|aarch64)/;
  assert.doesNotMatch(dynamic, other);
  rmSync(root, { recursive: true });
  const packages = paths.filter((path) => /^app\/node_modules\/(?:[^/]+\/?){1,3}$/.test(path)).join("\n");
  assert.match(packages, /^app\/node_modules\/next\/?$/m);
  const cpu = CPUS[architecture];
  for (const [path, cpuOf] of packages.matchAll(
    /^.*(?:linux|linuxmusl|darwin|win32)-(x64|arm64|arm|ia32|s390x|ppc64|riscv64).*$/gm,
  )) {
    // A text by such a name loads the file for that platform.
    if (path.endsWith(".js")) continue;
    assert.equal(cpuOf, cpu, path);
    if (/musl/.test(path)) assert.equal(libc, "musl", path);
    if (/-gnu|sharp-(?:libvips-)?linux-/.test(path)) assert.equal(libc, "glibc", path);
  }
}

/** The first four bytes of a file. */
function startOf(file: string): string {
  const start = Buffer.alloc(4);
  const opened = openSync(file, "r");
  readSync(opened, start);
  closeSync(opened);
  return start.toString("latin1");
}
