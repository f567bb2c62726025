import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { assertSameStream, type Case, storeOf } from "../../support/stream-oracle.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import type { Tree } from "../../support/tree.ts";

async function same(t: TestContext, test: Case | ((folder: string) => Case)): Promise<Buffer> {
  const folder = await temporaryFolder(t);
  return assertSameStream(folder, typeof test === "function" ? test(folder) : test);
}

/** A directory with a small file under each name. */
const named = (...names: string[]): Tree => ({
  dir: Object.fromEntries(names.map((name) => [name, { file: name }])),
});

const nested = (names: readonly string[], leaf: Tree): Tree =>
  names.reduceRight<Tree>((child, name) => ({ dir: { [name]: child } }), leaf);

const oracle = { skip: requires("python"), concurrency: 2 };

describe("varve stream and CPython write the same bytes", oracle, () => {
  it("for names that are not UTF-8", async (t) => {
    // Among them what only looks like UTF-8: an encoded surrogate, a code point too large, an overlong form, cut-off ones.
    const names = [
      "\udc80",
      "\udcff.txt",
      "caf\udce9",
      "\udced\udca0\udc80",
      "\udcf4\udc90\udc80\udc80",
      "\udcc0\udcaf",
      "\udce2\udc82",
      "é\udcc3",
    ];
    await same(t, {
      store: {
        tree: {
          dir: {
            ...Object.fromEntries(names.map((name) => [name, named("a", name)])),
            link: { link: "to/\udcfe/é" },
          },
        },
        "path-\udce9": named("\udcea"),
        "link-\udceb": { link: "path-\udce9" },
      },
    });
  });

  it("for names at and beyond the header's 100 bytes and its prefix of 155", async (t) => {
    const lengths = [1, 60, 99, 100, 101, 154, 155, 156, 200, 254, 255];
    const long = (length: number, fill: string) => fill.repeat(length);
    await same(t, {
      store: {
        flat: named(...lengths.map((length) => long(length, "n"))),
        umlauts: named(...[31, 49, 50, 51, 77, 127].map((length) => long(length, "ü"))),
        bytes: named(...[50, 100, 200].map((length) => long(length, "\udcff"))),
        ...Object.fromEntries(
          lengths.map((length) => [
            `deep-${length}`,
            nested([long(length, "d"), long(255, "e"), long(length, "f")], { file: "" }),
          ]),
        ),
        prefixes: nested(
          [long(100, "p"), long(40, "q")],
          named(...[10, 90, 99, 100, 101].map((length) => long(length, "r"))),
        ),
      },
    });
  });

  it("whatever the length of a path around 100 and 256 bytes", async (t) => {
    // The temporary folder's own length is part of the path: a run of lengths is sure to meet each limit.
    const run = (from: number) => Array.from({ length: 100 }, (_, index) => "x".repeat(from + index));
    await same(t, {
      store: { first: named(...run(20)), second: { dir: { ["y".repeat(150)]: named(...run(1)) } } },
    });
  });

  it("for names with newlines, spaces, equals signs and other characters that formats trip over", async (t) => {
    const names = [
      "a\nb",
      "\n",
      " ",
      "12 path=x",
      "=",
      "\\",
      "\\n",
      "'",
      '"',
      "*",
      "?",
      "[a]",
      "~",
      "#",
      "\x01",
      "\x7f",
      "..x",
      "...",
      "-",
      "--",
      ".hidden",
    ];
    await same(t, {
      store: { tree: named(...names), "a\nb": named("c\nd"), "it's": { file: "" }, 'say "x"': { file: "" } },
    });
  });

  it("in the order of code points and of path components, not of UTF-16 or of whole paths", async (t) => {
    const names = [
      "a",
      "a-b",
      "a.b",
      "a b",
      "A",
      "b",
      "\u{d7ff}",
      "\u{e000}",
      "\u{fffd}",
      "\u{ffff}",
      "\u{10000}",
      "\u{10ffff}",
      "\udc80",
      "\udcff",
      "é",
      "e\u0301",
    ];
    const leaf = named(...names);
    await same(t, { store: { tree: { dir: Object.fromEntries(names.map((name) => [name, leaf])) } } });
  });

  it("for symlinks, and without following one", async (t) => {
    await same(t, (folder) => ({
      store: {
        target: { dir: { file: { file: "x" }, dir: named("inside") } },
        links: {
          dir: {
            dangling: { link: "nowhere" },
            self: { link: "self" },
            up: { link: ".." },
            absolute: { link: `${storeOf(folder)}/target/dir` },
            relative: { link: "../target/file" },
            umlaut: { link: "ü" },
            newline: { link: "a\nb" },
            bytes: { link: "\udcff/\udc80" },
            ...Object.fromEntries(
              [99, 100, 101, 255, 3000].map((length) => [
                `long-${length}`,
                { link: "target/".repeat(430).slice(0, length) },
              ]),
            ),
            ...Object.fromEntries([50, 51].map((length) => [`wide-${length}`, { link: "ß".repeat(length) }])),
            ["n".repeat(200)]: { link: "l".repeat(200) },
          },
        },
      },
    }));
  });

  it("for store paths that are symlinks and single files", async (t) => {
    await same(t, {
      store: {
        "to-dir": { link: "dir" },
        dangling: { link: "nowhere" },
        file: { file: "content", mode: 0o755 },
        empty: { file: "" },
        dir: named("a"),
        "empty-dir": { dir: {} },
      },
    });
  });

  it("for hard links within a store path, across paths and across layers", async (t) => {
    await same(t, (folder) => {
      const original = `${storeOf(folder)}/a/original`;
      return {
        store: {
          a: { dir: { original: { file: 700 }, another: { hardLink: original }, empty: { file: 0 } } },
          b: {
            dir: {
              again: { hardLink: original },
              sub: { dir: { empty: { hardLink: `${storeOf(folder)}/a/empty` } } },
            },
          },
          c: { hardLink: original },
        },
        layers: [["a", "b"], ["c"], ["a", "c"]],
      };
    });
  });

  it("for sizes around blocks and records", async (t) => {
    const sizes = [
      0, 1, 511, 512, 513, 1023, 1024, 10239, 10240, 10241, 16384, 20480, 65536, 1048576, 1048577, 3000000,
    ];
    const one = (size: number): [string, Tree] => [`size-${size}`, { file: size }];
    await same(t, {
      store: { all: { dir: Object.fromEntries(sizes.map(one)) }, ...Object.fromEntries(sizes.map(one)) },
      layers: [["all"], ...sizes.map((size) => [`size-${size}`])],
    });
  });

  it("for every number of blocks in the last record of a layer", async (t) => {
    const blocks = Array.from({ length: 21 }, (_, count) => `${count}`);
    const store = Object.fromEntries(blocks.map((count) => [`f${count}`, { file: 512 * Number(count) }]));
    await same(t, { store, layers: Object.keys(store).map((name) => [name]) });
  });

  it("for all modes, fifos and empty directories", async (t) => {
    const modes = [0o400, 0o444, 0o600, 0o644, 0o755, 0o777, 0o1755, 0o2755, 0o4755, 0o6711, 0o7777];
    const each = (make: (mode: number) => Tree) => ({
      dir: Object.fromEntries(modes.map((mode) => [mode.toString(8), make(mode)])),
    });
    await same(t, {
      store: {
        files: each((mode) => ({ file: "x", mode })),
        dirs: each((mode) => ({ dir: {}, mode: mode | 0o700 })),
        fifos: each((mode) => ({ fifo: true, mode })),
        fifo: { fifo: true },
        sticky: { dir: {}, mode: 0o1777 },
      },
    });
  });

  it("for thousands of files", async (t) => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, dir) => [
        `d${dir}`,
        named(...Array.from({ length: 50 }, (_, file) => `f${file}`)),
      ]),
    );
    await same(t, { store: { many: { dir: files } } });
  });

  it("for several layers, an empty one, none, and a path named twice", async (t) => {
    const store = { a: named("1"), b: named("2"), c: { file: "3" } };
    await same(t, { store, layers: [["a"], [], ["c", "b"], ["b", "b", "a"], ["a"]] });
    await assertSameStream(`${await temporaryFolder(t)}/none`, { store, layers: [] });
  });

  it("for paths written with slashes too many and dots", async (t) => {
    await same(t, (folder) => {
      const store = storeOf(folder);
      const paths = [`${store}/a/`, `${store}//b`, `${store}/./a/.`, `${store}/a//sub///`];
      return { store: { a: { dir: { sub: named("x") } }, b: { file: "" } }, conf: { store_layers: [paths] } };
    });
  });

  it("for owners as numbers and strings, also past the octal fields", async (t) => {
    const owners = [
      [" 1_000\n", 2097152],
      [2097151, "+4294967294"],
      [8589934592, 3.7],
      [-1, true],
    ];
    for (const [uid, gid] of owners) {
      const folder = `${await temporaryFolder(t)}/case`;
      await assertSameStream(folder, {
        store: { a: { dir: { b: { file: "x" }, c: { link: "b" } } } },
        conf: { uid, gid },
      });
    }
  });

  it("for owners' names that are long, empty or not ASCII", async (t) => {
    for (const [uname, gname] of [
      ["", ""],
      ["u".repeat(32), "g".repeat(33)],
      ["jörg", "ü".repeat(20)],
      ["a\nb", "\udcff"],
    ]) {
      const folder = `${await temporaryFolder(t)}/case`;
      await assertSameStream(folder, { store: { a: named("b") }, conf: { uname, gname } });
    }
  });

  it("for times in every form, before 1970 and past the octal field", async (t) => {
    const times = [
      ["1970-01-01T00:00:01+00:00", "1969-12-31T23:59:59Z"],
      ["2024-02-29T12:34:56.789012+05:30", "1969-12-31T23:59:58.5Z"],
      ["20240229T123456,5Z", "1901-01-01"],
      ["2024-W09-4T01:02-03:04:05.000006", "2242-03-16T12:56:32Z"],
      ["2024-02-29", "2242-03-16T12:56:31.999999Z"],
      ["0001-01-01T00:00Z", "9999-12-31T23:59:59.999999Z"],
    ];
    for (const [created, mtime] of times) {
      const folder = `${await temporaryFolder(t)}/case`;
      await assertSameStream(folder, { store: { a: named("b") }, conf: { created, mtime } });
    }
  });

  it("for configs with what JavaScript would print in another way", async (t) => {
    const config = `{
      "Env": ["PATH=/bin", "NAME=jörg 😀", "A=1", "A=2"], "Cmd": null, "10": 1, "9": 2, "Entrypoint": [],
      "Healthcheck": {"Interval": 30000000000, "Ratio": 0.1, "Big": 123456789012345678901234567890, "Float": 1e16, "Small": 1.5e-7,
      "One": 1.0, "Inf": 1e400, "NaN": NaN, "Zero": -0.0, "Nested": {"a": [[], {}, [{"b": [true, false]}]]}},
      "Escapes": "\\u0000\\u001f\\u007f\\ud83d\\ude00\\ud800\\udc80\\/\\"\\\\", "Labels": {"b": "2", "a": "1", "b": "3", "__proto__": "x"}
    }`;
    await same(t, { store: { a: named("b") }, config });
    await assertSameStream(`${await temporaryFolder(t)}/case`, { config: "null" });
  });

  it("for an Env of null", async (t) => {
    await same(t, { config: '{"Env": null}' });
  });

  it("for names and architectures that are not ASCII, and when the name is overridden", async (t) => {
    const conf = { repo_tag: "größe:😀", architecture: "àrm64" };
    await same(t, { conf });
    const overridden = await same(t, { conf, repoTag: "other:é" });
    assert.ok(overridden.includes('"other:\\u00e9"'));
    assert.ok(!overridden.includes("gr\\u00f6"));
  });

  it("for a store elsewhere, whose files still come after /nix and /nix/store", async (t) => {
    const bytes = await same(t, (folder) => ({ store: { a: named("b") }, conf: { store_dir: folder } }));
    assert.ok(bytes.includes("\0/nix/store/\0"));
  });
});
