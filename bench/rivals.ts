/** The commands that varve is compared with. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findPython, ROOT } from "./bench.ts";
import type { StoreFixture } from "./fixtures/debian.ts";
import type { Command } from "./run.ts";

/** The CPython program that writes the image of a conf to stdout. */
export const cpythonStream = (conf: string): Command => [
  findPython().file,
  join(ROOT, "test/oracle/stream_image.py"),
  conf,
];

/** One pass of GNU tar over the same files into one process that hashes: no program that reads and hashes all is faster. */
export const tarIntoOpenssl = ({ storeDir, paths }: StoreFixture): Command => [
  "sh",
  "-c",
  'cd "$1" && shift && tar -cf - -- "$@" | openssl sha256',
  "sh",
  storeDir,
  ...paths.map((path) => path.slice(storeDir.length + 1)),
];

export interface ArchivePushOptions {
  conf: string;
  /** Where the archive is put on its way. */
  archive: string;
  /** Such as `127.0.0.1:5000/bench:1`. */
  reference: string;
  /** Holds skopeo's blob cache, by which it knows what it compressed before; one of its own, not the user's. */
  home: string;
}

/** The way without varve: the CPython program into a file, and from there with skopeo to a registry. */
export function cpythonThenSkopeo({ conf, archive, reference, home }: ArchivePushOptions): Command {
  if (!existsSync("/usr/bin/skopeo")) throw new Error('skopeo is missing: run "apt-get install skopeo"');
  const script =
    'archive=$1 reference=$2; shift 2; "$@" > "$archive" && ' +
    'skopeo --insecure-policy copy --quiet --dest-tls-verify=false "docker-archive:$archive" "docker://$reference"';
  return [
    "env",
    `XDG_DATA_HOME=${home}`,
    // For root, skopeo would else use the system's cache. Any other user's number will do.
    "_CONTAINERS_ROOTLESS_UID=65534",
    ...["sh", "-c", script, "sh", archive, reference],
    ...cpythonStream(conf),
  ];
}
