import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeRegistry } from "#testing";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, stacked, temporaryFolder } from "../support/tmp.ts";
import { Images } from "./support/images.ts";
import { type Architecture, type Libc, platformBases } from "./support/platform-bases.ts";

const FIXTURE = fileURLToPath(new URL("./fixtures/platforms", import.meta.url));
const INSTALLED = fileURLToPath(new URL("../../node_modules/.cache/varve-fixtures", import.meta.url));

const MANAGERS = ["npm", "pnpm"] as const;
type Manager = (typeof MANAGERS)[number];
const ARCHITECTURES: readonly Architecture[] = ["amd64", "arm64"];
const CPUS = { amd64: "x64", arm64: "arm64" };
/** As `readelf` calls them. */
const MACHINES = { amd64: "Advanced Micro Devices X86-64", arm64: "AArch64" };

/** pnpm, which npm installs. */
async function pnpmProgram(): Promise<string> {
  const place = join(INSTALLED, "pnpm-10.34.9");
  if (!existsSync(place)) {
    mkdirSync(INSTALLED, { recursive: true });
    const aside = mkdtempSync(`${place}.`);
    writeFileSync(join(aside, "package.json"), "{}");
    await mustRun(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "pnpm@10.34.9"], {
      cwd: aside,
    });
    renameSync(aside, place);
  }
  return join(place, "node_modules/pnpm/bin/pnpm.cjs");
}

/** The project, installed for this machine, with Next's own build; `better-sqlite3` has a file that stands for the one it compiles. */
async function projectOf(manager: Manager, path: string): Promise<string> {
  const files = ["package.json", "package-lock.json", "pnpm-lock.yaml", "index.js", "pages/index.jsx"];
  const hash = createHash("sha256").update(manager);
  for (const file of files) hash.update(readFileSync(join(FIXTURE, file)));
  const project = join(INSTALLED, `platforms-${manager}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(project)) return project;
  mkdirSync(INSTALLED, { recursive: true });
  // Next takes nothing below a `node_modules` for a project's own.
  const aside = mkdtempSync(join(tmpdir(), "varve-platforms-"));
  try {
    const env = { PATH: path, NEXT_TELEMETRY_DISABLED: "1" };
    cpSync(FIXTURE, aside, { recursive: true });
    rmSync(join(aside, manager === "npm" ? "pnpm-lock.yaml" : "package-lock.json"));
    const install = {
      npm: ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
      pnpm: ["pnpm", "install", "--frozen-lockfile", "--ignore-scripts"],
    } as const;
    await mustRun([...install[manager]], { cwd: aside, env, timeoutSeconds: 300 });
    await mustRun(["node", "node_modules/next/dist/bin/next", "build"], {
      cwd: aside,
      env,
      timeoutSeconds: 300,
    });
    const stand = join(aside, "node_modules/bcrypt/prebuilds/linux-x64/bcrypt.glibc.node");
    const compiled = join(aside, "node_modules/better-sqlite3/build/Release");
    mkdirSync(compiled, { recursive: true });
    cpSync(stand, join(compiled, "better_sqlite3.node"));
    await mustRun(["mv", aside, project]);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
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
  skip: requires("npm", "root", "debianPackages", "emulation"),
}, () => {
  const scope = stacked({ after });
  let folder: string;
  let images: Images;
  let registry: FakeRegistry;
  let mirror: Awaited<ReturnType<typeof startMirror>>;
  let env: Record<string, string>;
  const projects = new Map<Manager, string>();

  before(async () => {
    folder = await temporaryFolder(scope);
    images = new Images(folder);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    const programs = join(folder, "bin");
    mkdirSync(programs);
    const pnpm = await pnpmProgram();
    chmodSync(pnpm, 0o755);
    symlinkSync(pnpm, join(programs, "pnpm"));
    const path = `${programs}:${dirname(process.execPath)}:${process.env["PATH"]}`;
    for (const manager of MANAGERS) projects.set(manager, await projectOf(manager, path));
    mirror = await startMirror(scope, join(projects.get("npm")!, "node_modules/bcrypt"));
    env = {
      PATH: path,
      VARVE_CACHE_DIR: join(folder, "cache"),
      npm_config_better_sqlite3_binary_host: mirror.url,
      // Packages are taken from where they were put when the project was installed.
      npm_config_cache: (await mustRun(["npm", "config", "get", "cache"])).trim(),
    };
    const base = await platformBases();
    for (const libc of ["glibc", "musl"] as const) {
      const places: string[] = [];
      for (const architecture of ARCHITECTURES) {
        const spec = join(folder, `base-${libc}-${architecture}.json`);
        const config = {
          Env: ["PATH=/usr/local/bin:/usr/bin:/bin", `NODE_VERSION=${process.versions.node}`],
          Cmd: ["node"],
        };
        const fields = {
          name: "base",
          tag: `${libc}-${architecture}`,
          architecture,
          tmp: true,
          copyToRoot: base(architecture, libc),
          config,
        };
        writeFileSync(spec, JSON.stringify(fields));
        places.push(`oci:${folder}/bases:${libc}-${architecture}`);
        await images.varve(["build", spec, "--quiet", "--output", places.at(-1)!]);
      }
      await images.varve(["index", "create", `docker://${registry.host}/base:${libc}`, ...places, "--quiet"]);
    }
  });

  const reference = (manager: Manager, libc: Libc) => `${registry.host}/${manager}:${libc}`;

  /** An image's root file system, unpacked. */
  const unpacked = async (manager: Manager, libc: Libc, architecture: Architecture): Promise<string> => {
    const root = join(folder, `${manager}-${libc}-${architecture}`);
    mkdirSync(root);
    const archive = `${root}.tar`;
    await images.varve([
      "export",
      `docker://${reference(manager, libc)}`,
      "--platform",
      `linux/${architecture}`,
      "--output",
      archive,
    ]);
    await mustRun(["tar", "xf", archive, "-C", root]);
    rmSync(archive);
    return root;
  };

  /** What a program prints in a root. */
  const printed = async (
    root: string,
    architecture: Architecture,
    program: readonly string[],
  ): Promise<string> => {
    mkdirSync(join(root, "proc"), { recursive: true });
    if (architecture === "arm64") cpSync("/usr/bin/qemu-aarch64-static", join(root, "qemu"));
    const emulator = architecture === "arm64" ? ["/qemu"] : [];
    const inside = ["--mount", "--pid", "--fork", "--kill-child", `--mount-proc=${root}/proc`];
    return await mustRun(["unshare", ...inside, "chroot", root, ...emulator, ...program], {
      env: { HOME: "/tmp", NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
      timeoutSeconds: 300,
    });
  };

  for (const libc of ["glibc", "musl"] as const) {
    for (const manager of MANAGERS) {
      it(`have the right files only, on ${libc}, by ${manager}`, async () => {
        const project = projects.get(manager)!;
        const before = readdirSync(project).sort();
        const platforms = ARCHITECTURES.map((architecture) => `linux/${architecture}`).join(",");
        const said = await run(
          [
            ...images.command([
              "build",
              project,
              "--from",
              `docker://${registry.host}/base:${libc}`,
              "--platform",
              platforms,
            ]).command,
            ...["--push", reference(manager, libc), "--json"],
            // Debian has neither Node.js for musl nor the libraries of GCC, so nothing could run there.
            ...(libc === "musl" ? ["--no-check"] : []),
          ],
          { env: { ...images.command([]).env, ...env }, timeoutSeconds: 300 },
        );
        assert.equal(said.code, 0, said.stderr);
        assert.deepEqual(readdirSync(project).sort(), before);
        for (const architecture of ARCHITECTURES) {
          const root = await unpacked(manager, libc, architecture);
          await assertRight(root, architecture, libc);
          const isRun = libc === "glibc" && (architecture === "amd64" || manager === "npm");
          if (isRun) {
            const [first = "", page] = (
              await printed(root, architecture, ["/usr/local/bin/node", "/app/index.js"])
            )
              .trim()
              .split("\n");
            assert.deepEqual(JSON.parse(first), {
              arch: CPUS[architecture],
              format: "png",
              esbuild: "0.25.0",
              isSame: true,
              swc: "var b = 1;\n",
            });
            assert.equal(page, "<p>Hello from Next</p>");
            const esbuild = (
              await mustRun(["find", join(root, "app/node_modules"), "-path", "*/@esbuild/*/bin/esbuild"])
            ).trim();
            assert.equal(
              await printed(root, architecture, [esbuild.slice(root.length), "--version"]),
              "0.25.0\n",
            );
          }
          rmSync(root, { recursive: true });
        }
      });
    }
  }

  it("asked for the files that packages fetch by their platforms", () => {
    const kinds = mirror.asked.map((url) => /linux(?:musl)?-(?:x64|arm64)/.exec(url)?.[0]);
    assert.deepEqual([...new Set(kinds)].sort(), ["linux-arm64", "linuxmusl-arm64", "linuxmusl-x64"]);
  });
});

/** Each file of machine code is for the architecture, and no package for another platform. */
async function assertRight(root: string, architecture: Architecture, libc: Libc): Promise<void> {
  const found = await mustRun(["find", join(root, "app"), "-type", "f", "-size", "+1k", "-print0"]);
  const programs: string[] = [];
  for (const file of found.split("\0").filter((path) => path !== "")) {
    if (/\.(?:[cm]?[jt]sx?|json|map|md|html|css|txt|ya?ml|[ch]|[ch]pp|cc)$/.test(file)) continue;
    const start = readFileSync(file).subarray(0, 4).toString("latin1");
    assert.ok(!/^(?:MZ|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe)/.test(start), file);
    if (start === "\x7fELF") programs.push(file);
  }
  const read = await mustRun(["readelf", "-h", ...programs]);
  const machines = [...read.matchAll(/^ *Machine: +(.*)$/gm)].map(([, machine]) => machine);
  assert.equal(machines.length, programs.length);
  assert.deepEqual([...new Set(machines)], [MACHINES[architecture]]);
  const names = programs.map((file) => file.slice(root.length));
  for (const name of ["sharp-", "esbuild", "better_sqlite3.node", "bcrypt", "swc.linux", "next-swc"])
    assert.ok(
      names.some((path) => path.includes(name)),
      `${name} is in none of ${names.join(" ")}`,
    );
  const dynamic = await mustRun(["readelf", "-d", ...programs]);
  const other = libc === "glibc" ? /libc\.musl|ld-musl/ : /ld-linux-(?:x86-64|aarch64)/;
  assert.doesNotMatch(dynamic, other);
  const packages = await mustRun(["find", join(root, "app/node_modules"), "-maxdepth", "3"]);
  const cpu = CPUS[architecture];
  for (const [path, cpuOf] of packages.matchAll(
    /^.*(?:linux|linuxmusl|darwin|win32)-(x64|arm64|arm|ia32|s390x|ppc64|riscv64).*$/gm,
  )) {
    assert.equal(cpuOf, cpu, path);
    if (/musl/.test(path)) assert.equal(libc, "musl", path);
    if (/-gnu|sharp-(?:libvips-)?linux-/.test(path)) assert.equal(libc, "glibc", path);
  }
}
