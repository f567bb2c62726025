import { readFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { askPython } from "../../support/python.ts";
import { assertSameStream, type Case, runOracle, writeCase } from "../../support/stream-oracle.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** Streams a case on top of the base image at `base`. */
async function sameOn(t: TestContext, base: string, test: Case = {}): Promise<Buffer> {
  const folder = `${await temporaryFolder(t)}/case`;
  const store = { own: { dir: { file: { file: "own" } } } };
  return assertSameStream(folder, { store, ...test, conf: { ...test.conf, from_image: base } });
}

/** An image archive that the oracle makes of `test`. */
async function archiveOf(t: TestContext, test: Case): Promise<string> {
  const folder = await temporaryFolder(t);
  const { stdout } = await runOracle(writeCase(`${folder}/case`, test));
  writeFileSync(`${folder}/base.tar`, stdout);
  return `${folder}/base.tar`;
}

interface BaseOptions {
  /** `USTAR`, `GNU` or `PAX`. */
  format: "USTAR" | "GNU" | "PAX";
  /** The layers' names in the archive. */
  names?: readonly string[];
  /** Python statements that change a layer's `entry` (a `TarInfo`), which is number `index`. */
  change?: string;
  /** The image's `config`. */
  config?: unknown;
  /** Records of a global pax header. */
  globals?: Record<string, string>;
  /** The layers by number, as the manifest lists them; all of them in order by default. */
  listed?: readonly number[];
}

/** An image archive made by Python's `tarfile`, with header fields as other tools may have written them. */
async function pythonBase(t: TestContext, options: BaseOptions): Promise<string> {
  const path = `${await temporaryFolder(t)}/base.tar`;
  const program = `
import hashlib, io, tarfile
options = {"format": getattr(tarfile, input["format"] + "_FORMAT"), "pax_headers": input["globals"]}
with tarfile.open(input["path"], "w", **options) as archive:
    def add(name, content, index=None):
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        if index is not None:
            change(entry, index)
        archive.addfile(entry, io.BytesIO(content))
    def change(entry, index):
        ${(options.change ?? "pass").split("\n").join("\n        ")}
    layers = [("layer %d;" % index).encode() * 100 * (index + 1) for index in range(len(input["names"]))]
    for index, name in enumerate(input["names"]):
        add(name, layers[index], index)
    diff_ids = ["sha256:" + hashlib.sha256(layers[index]).hexdigest() for index in input["listed"]]
    rootfs = {"diff_ids": diff_ids, "type": "layers"}
    image = {"architecture": "amd64", "config": input["config"], "os": "linux", "rootfs": rootfs}
    add("config.json", json.dumps(image).encode())
    names = [input["names"][index] for index in input["listed"]]
    add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": None, "Layers": names}]).encode())
output = None`;
  const { format, names = ["one/layer.tar", "two/layer.tar"], config = {}, globals = {} } = options;
  const listed = options.listed ?? names.map((_, index) => index);
  askPython(program, { path, format, names, config, globals, listed });
  return path;
}

const oracle = { skip: requires("python"), concurrency: 2 };

describe("varve stream and CPython write the same bytes on a base image", oracle, () => {
  it("that a stream made, and on one that stands on another", async (t) => {
    const first = await archiveOf(t, {
      store: { base: { dir: { a: { file: 5000 } } }, other: { file: "x" } },
      layers: [["base"], ["other"]],
      config: '{"Env": ["A=1", "B=2"]}',
    });
    await sameOn(t, first);
    const second = await archiveOf(t, { conf: { from_image: first }, config: '{"Env": ["C=3"]}' });
    await sameOn(t, second, { config: '{"Env": ["B=9"]}' });
  });

  it("that is compressed with gzip, in one member or several", async (t) => {
    const base = await archiveOf(t, { store: { base: { file: 30000 } } });
    const bytes = readFileSync(base);
    writeFileSync(`${base}.gz`, gzipSync(bytes));
    await sameOn(t, `${base}.gz`);
    // Not named for what it is, and written by something like pigz.
    writeFileSync(
      `${base}.odd`,
      Buffer.concat([gzipSync(bytes.subarray(0, 7000)), gzipSync(bytes.subarray(7000))]),
    );
    await sameOn(t, `${base}.odd`);
  });

  it("in GNU's format, with names and owners beyond its fields", async (t) => {
    const names = [`${"n".repeat(150)}/layer.tar`, `./${"ü".repeat(60)}/layer.tar`, "plain.tar"];
    await sameOn(
      t,
      await pythonBase(t, {
        format: "GNU",
        names,
        change: "entry.uid, entry.gid, entry.mtime = 2097152 + index, 2**40, -5 + index",
      }),
    );
  });

  it("in the old ustar format, with a name in two parts and other fields set", async (t) => {
    const names = [`${"p".repeat(120)}/${"n".repeat(60)}/layer.tar`, "two/layer.tar"];
    const change =
      'entry.mode, entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime = 0o4555, 1000, 100, "builder", "users", 1700000000';
    await sameOn(t, await pythonBase(t, { format: "USTAR", names, change }));
  });

  it("in pax format, with times that are fractions, and records of its own", async (t) => {
    const change = [
      "entry.mtime = [1700000000.25, 1.0, -1.5, 0][index]",
      'entry.uname, entry.gname = "jörg", "g" * 40',
      'entry.pax_headers = {"VENDOR.key": "värde\\n", "comment": "x"} if index else {}',
    ].join("\n");
    const names = ["a/layer.tar", "ü/layer.tar", `${"l".repeat(120)}/layer.tar`, "d/layer.tar"];
    await sameOn(t, await pythonBase(t, { format: "PAX", names, change }));
  });

  it("with a global pax header", async (t) => {
    await sameOn(
      t,
      await pythonBase(t, {
        format: "PAX",
        globals: { comment: "everywhere", gname: "global" },
      }),
    );
  });

  it("with names that are not UTF-8", async (t) => {
    const names = ["\udcff/layer.tar", `${"\udcfe".repeat(110)}.tar`];
    await sameOn(t, await pythonBase(t, { format: "GNU", names }), { ignoreProgress: true });
  });

  it("and tell of names that are not UTF-8 alike", async (t) => {
    await sameOn(t, await pythonBase(t, { format: "GNU", names: ["\udcff/layer.tar"] }));
  });

  it("whose layers are symlinks or hard links to other layers", async (t) => {
    const change = [
      "if index == 1: entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, '../one/layer.tar', 0",
      "if index == 2: entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, 'one/layer.tar', 0",
    ].join("\n");
    await sameOn(
      t,
      await pythonBase(t, {
        format: "GNU",
        names: ["one/layer.tar", "two/layer.tar", "three/layer.tar"],
        change,
      }),
    );
  });

  it("with a layer that is listed twice, and with more than a hundred layers", async (t) => {
    await sameOn(t, await pythonBase(t, { format: "PAX", listed: [0, 1, 0] }));
    await sameOn(
      t,
      await pythonBase(t, {
        format: "PAX",
        names: Array.from({ length: 120 }, (_, index) => `${index}.tar`),
      }),
    );
  });

  it("whose environment it overlays", async (t) => {
    const environments: [unknown, string][] = [
      [
        { Env: ["PATH=/base", "A=1", "A=2", "EMPTY=", "BARE", "É=é"] },
        '{"Cmd": ["x"], "Env": ["A=3", "NEW=1", "PATH=/own", "BARE=now", "=x", "A=4"]}',
      ],
      [{ Env: ["ONLY=base"], Cmd: ["dropped"], Labels: { a: "b" } }, '{"User": "me"}'],
      [{ Env: [] }, '{"z": 1, "Env": [], "a": 2}'],
      [{}, '{"Env": ["OWN=1", "OWN=2"], "after": 1.0}'],
      [{ Env: ["B=\u{1f600}\ud800"] }, "{}"],
    ];
    for (const [base, config] of environments) {
      await sameOn(t, await pythonBase(t, { format: "USTAR", config: base }), { config });
    }
  });
});
