/** A small image in which nothing is wrong, for tests that plant something. */
import type { Image } from "#image";
import { checkImage, type Finding, LayerObserver } from "#inspect";
import type { ContainerConfig } from "#oci";
import { type MadeEntry, madeImage } from "#testing";
import { type ElfFields, elfFile } from "./elf-file.ts";

export type Entries = Record<string, string | MadeEntry>;

export const LOADER = "/lib64/ld-linux-x86-64.so.2";
export const LIBC = { "libc.so.6": ["GLIBC_2.34"] };

/** A program that everybody may run. */
export function program(fields: ElfFields = {}): MadeEntry {
  return {
    mode: 0o755,
    content: elfFile({ interpreter: LOADER, needed: ["libc.so.6"], neededVersions: LIBC, ...fields }),
  };
}

/** A library, or an addon. */
export function library(fields: ElfFields = {}): MadeEntry {
  return { content: elfFile({ needed: ["libc.so.6"], neededVersions: LIBC, ...fields }) };
}

const addon = (fields: ElfFields = {}) => library({ symbols: ["napi_register_module_v1"], ...fields });

/** Node.js 24.1.0, as far as it says what it is. */
const NODE = ["node_register_module_v137", "https://nodejs.org/download/release/v24.1.0/node.tar.gz"];

export function baseEntries(): Entries {
  return {
    "lib64/ld-linux-x86-64.so.2": {
      mode: 0o755,
      content: elfFile({ soname: "ld-linux-x86-64.so.2", symbols: ["/lib64/", "/usr/lib64/"] }),
    },
    "lib64/libc.so.6": {
      mode: 0o755,
      content: elfFile({
        soname: "libc.so.6",
        versions: ["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.36"],
      }),
    },
    "usr/local/bin/node": program({ symbols: NODE }),
    "bin/sh": program(),
    "usr/bin/env": program(),
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n",
    "etc/group": "root:x:0:\nnode:x:1000:\n",
    "home/node": { dir: true },
    tmp: { dir: true, mode: 0o1777 },
  };
}

export function appEntries(): Entries {
  return {
    "app/package.json": '{ "name": "app", "engines": { "node": ">=22" } }',
    "app/index.js": "console.log(1);\n",
    "app/bin/start": { mode: 0o755, content: "#!/usr/bin/env node\nimport './index.js';\n" },
    "app/node_modules/.bin/tool": { link: "../tool/tool.js" },
    "app/node_modules/tool/tool.js": { mode: 0o755, content: "#!/usr/bin/env node\n" },
    "app/node_modules/tool/test/key.js": "no secret",
    // A package with an addon for each platform in it.
    "app/node_modules/pre/prebuilds/linux-x64/pre.glibc.node": addon(),
    "app/node_modules/pre/prebuilds/linux-x64/pre.musl.node": addon({
      needed: ["libc.musl-x86_64.so.1"],
      neededVersions: {},
    }),
    "app/node_modules/pre/prebuilds/linux-arm64/pre.glibc.node": addon({ machine: 183 }),
    "app/node_modules/pre/prebuilds/darwin-x64/pre.node": {
      content: Buffer.from("cffaedfe0700000103000000", "hex"),
    },
    "app/node_modules/pre/prebuilds/win32-x64/pre.node": {
      content: Buffer.from("MZ, a program for Windows"),
    },
    // Packages that are one for each platform, and a library beside.
    "app/node_modules/@img/img-linux-x64/lib/img-linux-x64.node": addon({
      needed: ["libimg.so.1", "libc.so.6"],
      rpath: "$ORIGIN/../../img-lib-linux-x64/lib",
    }),
    "app/node_modules/@img/img-lib-linux-x64/lib/libimg.so.1": library({ soname: "libimg.so.1" }),
    "app/node_modules/@img/img-linuxmusl-x64/lib/img-linuxmusl-x64.node": addon({
      needed: ["libimg.so.1", "libc.musl-x86_64.so.1"],
      rpath: "$ORIGIN/../../img-lib-linuxmusl-x64/lib",
      neededVersions: {},
    }),
    "app/node_modules/built/build/Release/built.node": addon({ symbols: ["node_register_module_v137"] }),
  };
}

export const CONFIG: ContainerConfig = {
  Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
  Cmd: ["node", "index.js"],
  WorkingDir: "/app",
  User: "node",
};

/** What is wrong with an image of these layers, the first of which are the base's. */
export async function findingsOf(
  layers: readonly Entries[],
  {
    config = CONFIG,
    base,
    home,
    architecture = "amd64",
    mounted,
  }: {
    config?: ContainerConfig;
    base?: { layers: number; config: ContainerConfig };
    home?: string;
    architecture?: string;
    mounted?: readonly string[];
  } = {},
): Promise<Finding[]> {
  const image = await madeImage(layers.map((entries) => ({ entries })));
  return await checkImage({ layers: factsOf(image), config, architecture, base, home, mounted });
}

async function* factsOf({ layers }: Image) {
  const observer = new LayerObserver(undefined);
  for (const layer of layers) yield await observer.of(layer);
}
