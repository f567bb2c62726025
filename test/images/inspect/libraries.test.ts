/** Where loaders look for libraries: a library is found there, and isn't found elsewhere. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MadeEntry } from "#testing";
import { type ElfFields, elfFile } from "./support/elf-file.ts";
import {
  baseEntries,
  CONFIG,
  type Entries,
  findingsOf,
  LIBC,
  library,
  program,
} from "./support/sound-image.ts";

const one: MadeEntry = library({ soname: "libone.so.1" });

/** A program that needs a library which is nowhere but at this path. */
const at = (path: string, fields: ElfFields = {}): Entries => ({
  "usr/bin/tool": program({ needed: ["libone.so.1"], neededVersions: {}, ...fields }),
  [path]: one,
});

/** `/etc/ld.so.cache` as `ldconfig` writes it. */
function loaderCache(entries: readonly (readonly [name: string, path: string, hwcap?: number])[]): Buffer {
  const header = Buffer.alloc(48);
  header.write("glibc-ld.so.cache1.1", "latin1");
  header.writeUInt32LE(entries.length, 20);
  const table = Buffer.alloc(24 * entries.length);
  const texts: Buffer[] = [];
  let end = header.length + table.length;
  const text = (value: string) => {
    const bytes = Buffer.from(`${value}\0`);
    texts.push(bytes);
    end += bytes.length;
    return end - bytes.length;
  };
  for (const [index, [name, path, hwcap = 0]] of entries.entries()) {
    table.writeUInt32LE(0x303, 24 * index);
    table.writeUInt32LE(text(name), 24 * index + 4);
    table.writeUInt32LE(text(path), 24 * index + 8);
    table.writeUInt32LE(hwcap, 24 * index + 20);
  }
  return Buffer.concat([header, table, ...texts]);
}

/** An older cache in front, as some systems still have it. */
const withOlder = (cache: Buffer) => Buffer.concat([Buffer.from("ld.so-1.7.0\0\0\0\0\0", "latin1"), cache]);

const withPath = (value: string) => ({
  ...CONFIG,
  Cmd: ["sh"],
  WorkingDir: "/",
  Env: [...CONFIG.Env!, `LD_LIBRARY_PATH=${value}`],
});
const PLAIN = { ...CONFIG, Cmd: ["sh"], WorkingDir: "/", User: "0" };

const FOUND: Readonly<Record<string, { entries: Entries; config?: typeof CONFIG }>> = {
  "in the loader's own folders": { entries: at("usr/lib64/libone.so.1") },
  "along RPATH": { entries: at("opt/lib/libone.so.1", { rpath: "/srv:/opt/lib" }) },
  "along RUNPATH": { entries: at("opt/lib/libone.so.1", { runpath: "/opt/lib" }) },
  "beside $ORIGIN": { entries: at("usr/lib/tool/libone.so.1", { runpath: "$ORIGIN/../lib/tool" }) },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what loaders read
  "beside ${ORIGIN}": { entries: at("usr/lib/tool/libone.so.1", { rpath: "${ORIGIN}/../lib/tool" }) },
  "along LD_LIBRARY_PATH": { entries: at("opt/lib/libone.so.1"), config: withPath("/srv:/opt/lib") },
  "where ld.so.cache says": {
    entries: {
      ...at("opt/lib/libone.so.1"),
      "etc/ld.so.cache": { content: loaderCache([["libone.so.1", "/opt/lib/libone.so.1"]]) },
    },
  },
  "where ld.so.cache says, in its older form": {
    entries: {
      ...at("opt/lib/libone.so.1"),
      "etc/ld.so.cache": { content: withOlder(loaderCache([["libone.so.1", "/opt/lib/libone.so.1"]])) },
    },
  },
  "behind links": {
    entries: {
      ...at("opt/lib-2/libone.so.1.2", { rpath: "/opt/lib" }),
      "opt/lib": { link: "lib-2" },
      "opt/lib-2/libone.so.1": { link: "libone.so.1.2" },
    },
  },
  "behind one for another processor": {
    entries: {
      ...at("usr/lib64/libone.so.1"),
      "lib64/libone.so.1": library({ bits: 32, machine: 3, needed: [], neededVersions: {} }),
    },
  },
  "by its path": { entries: at("opt/lib/libone.so.1", { needed: ["/opt/lib/libone.so.1"] }) },
  "along the RPATH of what needs the library that needs it": {
    entries: {
      ...at("opt/lib/libtwo.so.2", { needed: ["libone.so.1"], rpath: "/opt/lib" }),
      "opt/lib/libone.so.1": library({ needed: ["libtwo.so.2"], neededVersions: {} }),
    },
  },
  "that is the loader itself, wherever it is": {
    entries: {
      "usr/bin/tool": program({
        interpreter: "/opt/ld/ld-linux.so.2",
        needed: ["ld-linux.so.2"],
        neededVersions: {},
      }),
      "opt/ld/ld-linux.so.2": {
        mode: 0o755,
        content: elfFile({ soname: "ld-linux.so.2", symbols: ["/lib64/", "/usr/lib64/"] }),
      },
    },
  },
  "since another library has loaded it before": {
    entries: {
      ...at("opt/lib/libone.so.1", { needed: ["libone.so.1", "libtwo.so.2"], runpath: "/opt/lib" }),
      "lib64/libtwo.so.2": library({ needed: ["libone.so.1"], neededVersions: {} }),
    },
  },
};

/** A loader that doesn't look where it lies itself, and a library that needs it, as glibc's own does. */
const AWAY: Entries = {
  "lib64/ld-linux-x86-64.so.2": {
    mode: 0o755,
    content: elfFile({ soname: "ld-linux-x86-64.so.2", symbols: ["/usr/lib64/"] }),
  },
  "lib64/libc.so.6": { dir: true },
  "usr/lib64/libc.so.6": {
    content: elfFile({ soname: "libc.so.6", needed: ["ld-linux-x86-64.so.2"], versions: LIBC["libc.so.6"] }),
  },
};

const NOT_FOUND: Readonly<Record<string, { entries: Entries; config?: typeof CONFIG }>> = {
  "in a folder that nobody names": { entries: at("opt/lib/libone.so.1") },
  "where only ld.so.conf says, and not the cache": {
    entries: { ...at("opt/lib/libone.so.1"), "etc/ld.so.conf": "/opt/lib\n" },
  },
  "where ld.so.cache says for some processors alone": {
    entries: {
      ...at("opt/lib/libone.so.1"),
      "etc/ld.so.cache": { content: loaderCache([["libone.so.1", "/opt/lib/libone.so.1", 2]]) },
    },
  },
  "along an RPATH beside which there is a RUNPATH": {
    entries: at("opt/lib/libone.so.1", { rpath: "/opt/lib", runpath: "/srv" }),
  },
  "along the RUNPATH of what needs the library that needs it": {
    entries: {
      ...at("opt/lib/libtwo.so.2", { needed: ["libone.so.1"], runpath: "/opt/lib" }),
      "opt/lib/libone.so.1": library({ needed: ["libtwo.so.2"], neededVersions: {} }),
    },
  },
};

const missing = async (entries: Entries, config: typeof CONFIG) =>
  (await findingsOf([{ ...baseEntries(), ...entries }], { config })).filter(
    ({ code }) => code === "missing-library",
  );

describe("glibc's loader", () => {
  it("is there for what needs it, wherever it lies", async () =>
    assert.deepEqual(await missing(AWAY, PLAIN), []));
  for (const [name, { entries, config = PLAIN }] of Object.entries(FOUND)) {
    it(`finds a library ${name}`, async () => assert.deepEqual(await missing(entries, config), []));
  }
  for (const [name, { entries, config = PLAIN }] of Object.entries(NOT_FOUND)) {
    it(`finds no library ${name}`, async () => assert.equal((await missing(entries, config)).length, 1));
  }
});

describe("musl's loader", () => {
  const interpreter = "/lib/ld-musl-x86_64.so.1";
  const musl = (path: string, fields: ElfFields = {}): Entries => ({
    "lib/ld-musl-x86_64.so.1": { mode: 0o755, content: elfFile({ soname: "libc.so" }) },
    "lib/libc.musl-x86_64.so.1": { link: "ld-musl-x86_64.so.1" },
    "bin/sh": {
      mode: 0o755,
      content: elfFile({
        interpreter,
        needed: ["libone.so.1", "libc.musl-x86_64.so.1", "libm.so.6"],
        ...fields,
      }),
    },
    [path]: { content: elfFile({ needed: ["libc.so.6"] }) },
  });
  const missingIn = async (entries: Entries) =>
    (await findingsOf([entries], { config: PLAIN })).filter(({ code }) => code === "missing-library");

  it("finds libraries in its own folders, along both kinds of paths, and where its file says", async () => {
    assert.deepEqual(await missingIn(musl("usr/local/lib/libone.so.1")), []);
    assert.deepEqual(await missingIn(musl("opt/lib/libone.so.1", { rpath: "/opt/lib" })), []);
    assert.deepEqual(await missingIn(musl("opt/lib/libone.so.1", { runpath: "$ORIGIN/../opt/lib" })), []);
    const file = { "etc/ld-musl-x86_64.path": "/lib\n/opt/lib\n" };
    assert.deepEqual(await missingIn({ ...musl("opt/lib/libone.so.1"), ...file }), []);
    assert.equal((await missingIn(musl("opt/lib/libone.so.1"))).length, 1);
    assert.equal((await missingIn({ ...musl("usr/lib/libone.so.1"), ...file })).length, 1);
  });

  it("is told apart from glibc's where a file is built for the other", async () => {
    const foreign = {
      "usr/lib/node.node": {
        content: elfFile({ needed: ["libc.so.6"], neededVersions: { "libc.so.6": ["GLIBC_2.34"] } }),
      },
    };
    const findings = await findingsOf([{ ...musl("usr/lib/libone.so.1"), ...foreign }], { config: PLAIN });
    assert.deepEqual(
      findings.map(({ code, path }) => `${code} ${path}`),
      ["wrong-libc /usr/lib/node.node"],
    );
  });
});
