/** Root file systems made of Debian packages, and what their own loader says of the programs in them. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { basename, join, posix } from "node:path";
import { run } from "../../support/process.ts";

/** Packages of Debian that were downloaded. */
export class DebianPackages {
  readonly #folder: string;
  readonly #known = new Map<string, readonly string[]>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** A package with the libraries that it needs, and those need, by their names; the programs that it needs are left out. */
  withLibraries(name: string): readonly string[] {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const kinds = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
    // What apt has read of its lists, which an image of Debian forgets otherwise.
    const cache = join(this.#folder, "apt");
    mkdirSync(join(cache, "archives/partial"), { recursive: true });
    const places = [`=${cache}`, "::pkgcache=pkgcache.bin", "::srcpkgcache=srcpkgcache.bin"];
    const options = [
      ...places.flatMap((place) => ["-o", `Dir::Cache${place}`]),
      ...["--recurse", ...kinds.map((kind) => `--no-${kind}`)],
    ];
    const text = execFileSync("apt-cache", ["depends", ...options, name], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    // Names in angle brackets are virtual, and those with an architecture are for another one.
    const names = text.split("\n").filter((line) => /^[a-z0-9]/.test(line) && !line.includes(":"));
    const wanted = names.filter((one) => one === name || /^(?:lib|zlib|gcc-\d+-base)/.test(one)).sort();
    this.#known.set(name, wanted);
    return wanted;
  }

  /** Downloads packages. */
  download(names: readonly string[]): void {
    execFileSync("apt-get", ["download", "-qq", ...new Set(names)], {
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Unpacks packages into one folder, on top of each other. */
  unpack(names: readonly string[], root: string): void {
    mkdirSync(root, { recursive: true });
    for (const file of this.files(names))
      execFileSync("tar", ["-x", "--keep-directory-symlink", "-C", root, "-f", this.#archive(file)]);
  }

  /** A package's files as an archive that isn't compressed, since most are unpacked into several roots. */
  #archive(file: string): string {
    const folder = join(this.#folder, "archives");
    const archive = join(folder, basename(file));
    if (existsSync(archive)) return archive;
    mkdirSync(folder, { recursive: true });
    const opened = openSync(archive, "w");
    execFileSync("dpkg-deb", ["--fsys-tarfile", file], { stdio: ["ignore", opened, "inherit"] });
    closeSync(opened);
    return archive;
  }

  /** The files of packages. */
  files(names: readonly string[]): string[] {
    const files = readdirSync(this.#folder);
    return names.map((name) => join(this.#folder, files.find((each) => each.startsWith(`${name}_`))!));
  }

  /** Tells dpkg in a root that packages which were unpacked there are installed. None of their scripts has been run. */
  register(names: readonly string[], root: string): void {
    const info = join(root, "var/lib/dpkg/info");
    mkdirSync(info, { recursive: true });
    mkdirSync(join(root, "var/lib/dpkg/updates"), { recursive: true });
    for (const file of this.files(names)) {
      const control = execFileSync("dpkg-deb", ["--field", file], { encoding: "utf8" });
      const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(control)?.[1] ?? "";
      appendFileSync(join(root, "var/lib/dpkg/status"), `${control}Status: install ok installed\n\n`);
      const list = execFileSync("tar", ["-t", "-f", this.#archive(file)], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
      });
      const paths = list.split("\n").map((path) => path.replace(/^\.(?=\/)/, "").replace(/(?<=.)\/$/, ""));
      const isShared = field("Multi-Arch") === "same";
      const name = field("Package") + (isShared ? `:${field("Architecture")}` : "");
      writeFileSync(join(info, `${name}.list`), paths.map((path) => (path === "/" ? "/." : path)).join("\n"));
    }
  }
}

/** The programs and libraries below a folder, as absolute paths in it. */
export function elfFiles(root: string): string[] {
  const found: string[] = [];
  const start = Buffer.alloc(18);
  const visit = (folder: string) => {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = posix.join(folder, name);
      const stat = lstatSync(join(root, path));
      if (stat.isDirectory()) visit(path);
      if (!stat.isFile() || stat.size < 64) continue;
      const file = openSync(join(root, path), "r");
      readSync(file, start);
      closeSync(file);
      const isLoaded = start.readUInt16LE(16) === 2 || start.readUInt16LE(16) === 3;
      if (start.toString("latin1", 0, 4) === "\x7fELF" && isLoaded) found.push(path);
    }
  };
  visit("/");
  return found;
}

/** What a loader says of a file. */
export interface Listed {
  readonly missing: ReadonlySet<string>;
  /** Versions that are missing, with the files that need them. */
  readonly versions: ReadonlySet<string>;
  /** The file and all that is loaded with it, without links. */
  readonly loaded: ReadonlySet<string>;
}

const LOADER = "/lib64/ld-linux-x86-64.so.2";

/** Asks the loader in a root, running there, what `ldd` asks it. What starts it there is static, or it would be asked, too. */
export async function listed(root: string, files: readonly string[]): Promise<Map<string, Listed>> {
  const ask = `LD_TRACE_LOADED_OBJECTS=1 busybox chroot "$1" ${LOADER} "$file" 2>&1`;
  const script = `while read -r file; do echo "==> $file"; ${ask}; done; exit 0`;
  const { stdout } = await run(["sh", "-c", script, "sh", root], {
    input: files.map((file) => `${file}\n`).join(""),
    env: { LD_LIBRARY_PATH: undefined, LC_ALL: "C" },
    timeoutSeconds: 300,
  });
  const answers = new Map<string, Listed>();
  for (const part of stdout.toString().split(/^==> /m).slice(1)) {
    const [file = "", ...lines] = part.split("\n");
    const text = lines.join("\n");
    const paths = [...text.matchAll(/=> (\/\S+) \(0x/g)].map(([, path]) => path!);
    answers.set(file, {
      missing: new Set([...text.matchAll(/^\s(\S+) => not found$/gm)].map(([, name]) => name!)),
      versions: new Set(
        [...text.matchAll(/version `([^']+)' not found \(required by ([^)]+)\)/g)].map(
          ([, version, by]) => `${version} ${realPath(root, by!)}`,
        ),
      ),
      loaded: new Set([file, ...paths].map((path) => realPath(root, path))),
    });
  }
  return answers;
}

/** Runs `lddtree`, which reads every library anew for each file that needs it, so that it gets what it has read before. */
const READ_ONCE = `
import functools, runpy, sys
from elftools.elf import dynamic, elffile
File, tags = elffile.ELFFile, dynamic.DynamicSegment.iter_tags
class Read(File):
    @functools.cached_property
    def segments(self): return list(File.iter_segments(self))
    def iter_segments(self): return self.segments
def iter_tags(self):
    if "read" not in vars(self): self.read = list(tags(self))
    return self.read
@functools.cache
def read(path): return Read(open(path, "rb"))
dynamic.DynamicSegment.iter_tags = iter_tags
elffile.ELFFile = lambda file: read(file.name)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
`;

/** `lddtree` of Debian's pax-utils, which reads the files and runs nothing. */
export class LddTree {
  readonly #folder: string;

  /** @param packages has `pax-utils` and `python3-pyelftools` */
  constructor(packages: DebianPackages, folder: string) {
    this.#folder = folder;
    packages.unpack(["pax-utils", "python3-pyelftools"], folder);
  }

  /** What it says of files in a root. It doesn't know Debian's folders unless `ld.so.conf` names them. */
  async listed(root: string, files: readonly string[]): Promise<Map<string, Listed>> {
    const program = join(this.#folder, "usr/bin/lddtree");
    const { stdout } = await run(["python3", "-c", READ_ONCE, program, "-R", root, ...files], {
      env: { PYTHONPATH: join(this.#folder, "usr/lib/python3/dist-packages"), LD_LIBRARY_PATH: undefined },
      timeoutSeconds: 300,
    });
    const answers = new Map<string, Listed>();
    for (const part of stdout.toString().split(/^(?=\S)/m)) {
      const file = part
        .slice(root.length)
        .replace(/ \(interpreter => .*$/s, "")
        .trim();
      const missing = [...part.matchAll(/^ +(\S+) => None$/gm)].map(([, name]) => name!);
      const paths = [...part.matchAll(/^ +\S+ => (\/\S+)$/gm)].map(([, path]) => path!.slice(root.length));
      const loaded = new Set([file, ...paths].map((path) => realPath(root, path)));
      answers.set(file, { missing: new Set(missing), versions: new Set(), loaded });
    }
    return answers;
  }
}

/** A path in a root without links, none of which leads out of the root. */
function realPath(root: string, path: string): string {
  let real = "/";
  const rest = path.split("/").reverse();
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const next = posix.join(real, name);
    const stat =
      name === ".." || name === "" ? undefined : lstatSync(join(root, next), { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) {
      const target = readlinkSync(join(root, next));
      if (target.startsWith("/")) real = "/";
      rest.push(...target.split("/").reverse());
    } else {
      real = next;
    }
  }
  return real;
}
