/** Graphs of images made of Debian packages, from apt's lists alone: nothing is downloaded. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STORE_ROOTS } from "../fixtures/debian.ts";
import { closureOf, readIndex } from "../fixtures/debian-index.ts";
import type { World } from "./world.ts";

/** What the images are for. They have much in common, as the images of one team have. */
const IMAGES: Readonly<Record<string, readonly string[]>> = {
  developer: STORE_ROOTS,
  web: [
    "apache2",
    "certbot",
    "curl",
    "gunicorn",
    "memcached",
    "nginx",
    "php-fpm",
    "php-mysql",
    "python3-django",
    "python3-psycopg2",
    "redis-server",
    "varnish",
  ],
  data: [
    "jupyter-notebook",
    "python3-matplotlib",
    "python3-pandas",
    "python3-scipy",
    "python3-sklearn",
    "r-base-core",
    "sqlite3",
  ],
  java: ["ant", "git", "maven", "openjdk-17-jdk-headless", "postgresql-client", "tomcat10"],
  media: ["ffmpeg", "gimp", "imagemagick", "mpv", "sox", "vlc-bin"],
  office: ["evince", "firefox-esr", "libreoffice-calc", "libreoffice-writer", "pandoc", "thunderbird"],
};

/**
 * The six images' packages, read once and kept below `work`; sizes are those that the lists give for what is installed.
 */
export function debianWorlds(work: string, say: (line: string) => void): World[] {
  const file = join(work, "layering/debian.json");
  if (!existsSync(file)) {
    say("reading apt's lists");
    mkdirSync(join(work, "layering"), { recursive: true });
    writeFileSync(file, JSON.stringify(readWorlds()));
  }
  return JSON.parse(readFileSync(file, "utf8")) as World[];
}

function readWorlds(): World[] {
  const index = readIndex();
  const details = readDetails();
  return Object.entries(IMAGES).map(([name, roots]) => {
    const { packages, references } = closureOf(roots, index);
    const isRoot = new Set(roots);
    return {
      name: `debian ${name}`,
      kind: "nix",
      packages: packages.map((one) => ({
        name: one.name,
        version: one.version.replace(/[^0-9A-Za-z+\-._?=]/g, "-"),
        references: references.get(one.name)!,
        source: details.get(`${one.name} ${one.version}`)!.source,
        bytes: details.get(`${one.name} ${one.version}`)!.bytes,
        isApplication: isRoot.has(one.name),
      })),
    };
  });
}

/** Source and installed size of each package, by its name and version. */
function readDetails(): Map<string, { source: string; bytes: number }> {
  const output = { encoding: "utf8", maxBuffer: 1 << 30 } as const;
  const lists = execFileSync(
    "apt-get",
    ["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"],
    output,
  );
  const details = new Map<string, { source: string; bytes: number }>();
  for (const list of lists.split("\n").filter(Boolean)) {
    for (const stanza of execFileSync("/usr/lib/apt/apt-helper", ["cat-file", list], output).split("\n\n")) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
      const name = field("Package");
      // `Source: glibc (2.36-9)` names the version as well where it differs.
      const source = field("Source").replace(/ .*/, "") || name;
      details.set(`${name} ${field("Version")}`, {
        source,
        bytes: Math.max(1, Number(field("Installed-Size"))) * 1024,
      });
    }
  }
  return details;
}
