import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { type BaseTree, layRoot, type RootItem, type RootOptions } from "#root";
import { EntryType } from "#tar";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

const file = (text = "x", mode = 0o644): Tree => ({ file: text, mode });
const dir = (children: Readonly<Record<string, Tree>>): Tree => ({ dir: children });
const link = (text: string): Tree => ({ link: text });

/** A line for each item, the test's folder written as `~`. */
function lines(items: readonly RootItem[], folder: string): string[] {
  const short = (text: string) => text.replaceAll(folder, "~");
  return items.map((item) => {
    if (item.kind === "tree") return short(`${item.target} = ${item.source}`);
    const { name, type, mode, linkname } = item.entry;
    if (type === EntryType.symlink) return short(`${name} -> ${linkname}`);
    return type === EntryType.directory ? `${name}/ ${mode.toString(8)}` : `${name} ${mode.toString(8)}`;
  });
}

async function copy(t: TestContext, trees: Readonly<Record<string, Tree>>, options: RootOptions = {}) {
  const folder = await temporaryFolder(t);
  for (const [name, tree] of Object.entries(trees)) writeTree(`${folder}/${name}`, tree);
  const copyToRoot = Object.keys(trees).map((name) => `${folder}/${name}`);
  const { items, notes } = layRoot({ copyToRoot, ...options }).items();
  return { lines: lines(items, folder), notes, folder };
}

describe("copyToRoot", () => {
  it("keeps a whole folder one tree, as long as it stays as it is", async (t) => {
    const made = await copy(t, { a: dir({ bin: dir({ x: file(), y: link("x") }), z: file() }) });
    assert.deepEqual(made.lines, ["/bin = ~/a/bin", "/z = ~/a/z"]);
  });

  it("merges folders, the last of two names wins, and its modes, with a note for what is lost", async (t) => {
    const made = await copy(t, {
      a: { dir: { etc: { dir: { x: file(), y: file() }, mode: 0o700 } } },
      b: { dir: { etc: { dir: { y: file(), z: file() }, mode: 0o750 } } },
    });
    assert.deepEqual(made.lines, [
      "/etc/ 750",
      "/etc/x = ~/a/etc/x",
      "/etc/y = ~/b/etc/y",
      "/etc/z = ~/b/etc/z",
    ]);
    assert.deepEqual(made.notes, [
      `/etc/y is in both ${made.folder}/a and ${made.folder}/b; the last is taken`,
    ]);
  });

  it("makes directories of links to directories, and keeps links to files", async (t) => {
    const made = await copy(t, {
      a: dir({ lib: dir({ x: file(), l: link("x") }), lib64: link("lib"), gone: link("nowhere") }),
    });
    assert.deepEqual(made.lines, ["/gone -> nowhere", "/lib = ~/a/lib", "/lib64 = ~/a/lib"]);
  });

  it("isn't one tree above a link that became a directory", async (t) => {
    const made = await copy(t, {
      a: dir({ top: dir({ sub: dir({ lib: dir({ x: file() }), l: link("lib") }), y: file() }) }),
    });
    assert.deepEqual(made.lines, [
      "/top/ 755",
      "/top/sub/ 755",
      "/top/sub/l = ~/a/top/sub/lib",
      "/top/sub/lib = ~/a/top/sub/lib",
      "/top/y = ~/a/top/y",
    ]);
  });

  it("keeps a link that leads to a directory it is in", async (t) => {
    const made = await copy(t, { a: dir({ d: dir({ up: link(".."), self: link("."), f: file() }) }) });
    assert.deepEqual(made.lines, ["/d = ~/a/d"]);
  });

  it("ends where two directories link to each other", async (t) => {
    const made = await copy(t, { a: dir({ b: dir({ c: link("../c") }), c: dir({ b: link("../b") }) }) });
    assert.deepEqual(made.lines, [
      "/b/ 755",
      "/b/c/ 755",
      "/b/c/b = ~/a/b",
      "/c/ 755",
      "/c/b/ 755",
      "/c/b/c = ~/a/c",
    ]);
  });

  it("keeps links to directories on demand, and puts another tree's files behind them, whichever comes first", async (t) => {
    const linked = dir({ lib: dir({ x: file() }), lib64: link("lib") });
    const real = dir({ lib64: dir({ y: file() }) });
    for (const trees of [
      { a: linked, b: real },
      { b: real, a: linked },
    ]) {
      const made = await copy(t, trees, { keepDirlinks: true });
      assert.deepEqual(made.lines, [
        "/lib/ 755",
        "/lib/x = ~/a/lib/x",
        "/lib/y = ~/b/lib64/y",
        "/lib64 -> lib",
      ]);
      assert.deepEqual(made.notes, []);
    }
  });

  it("makes a directory of a kept link that leads out of the root when another tree has files for it", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/store`, dir({ x: file() }));
    writeTree(`${folder}/a`, dir({ bin: link(`${folder}/store`), etc: link(`${folder}/store`) }));
    writeTree(`${folder}/b`, dir({ bin: dir({ y: file() }) }));
    const { items } = layRoot({ copyToRoot: [`${folder}/a`, `${folder}/b`], keepDirlinks: true }).items();
    assert.deepEqual(lines(items, folder), [
      "/bin/ 755",
      "/bin/x = ~/store/x",
      "/bin/y = ~/b/bin/y",
      "/etc -> ~/store",
    ]);
  });

  it("takes a link to a folder for the folder, and nothing that is none", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/a`, dir({ x: file() }));
    symlinkSync("a", `${folder}/l`);
    const { items } = layRoot({ copyToRoot: [`${folder}/l`] }).items();
    assert.deepEqual(lines(items, folder), ["/x = ~/a/x"]);
    assert.throws(() => layRoot({ copyToRoot: [`${folder}/a/x`] }), { code: "UNREADABLE" });
    assert.throws(() => layRoot({ copyToRoot: [`${folder}/none`] }), { code: "NOT_FOUND" });
  });
});

/** Contents of `trees`, where the test's folder is a store. */
async function linked(t: TestContext, trees: Readonly<Record<string, Tree>>, options: RootOptions = {}) {
  const folder = await temporaryFolder(t);
  for (const [name, tree] of Object.entries(trees)) writeTree(`${folder}/${name}`, tree);
  const contents = Object.keys(trees).map((name) => ({
    source: `${folder}/${name}`,
    target: `${folder}/${name}`,
  }));
  const { items, notes } = layRoot({ contents, locate: (path) => path, ...options }).items();
  return { lines: lines(items, folder), notes, folder };
}

describe("contents", () => {
  it("merge a directory with a link to one, absolute or relative, whichever comes first", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/far`, dir({ x: file(), sub: dir({}) }));
    const linking = dir({ bin: link(`${folder}/far`), lib: dir({ l: file() }), lib64: link("lib") });
    const real = dir({ bin: dir({ y: file() }), lib64: dir({ m: file() }) });
    for (const trees of [
      { a: linking, b: real },
      { b: real, a: linking },
    ]) {
      const made = await linked(t, trees);
      assert.deepEqual(made.lines, [
        "/bin/ 755",
        `/bin/sub -> ${folder}/far/sub`,
        `/bin/x -> ${folder}/far/x`,
        "/bin/y -> ~/b/bin/y",
        "/lib/ 755",
        "/lib/l -> ~/a/lib/l",
        "/lib64/ 755",
        "/lib64/l -> ~/a/lib/l",
        "/lib64/m -> ~/b/lib64/m",
      ]);
      assert.deepEqual(made.notes, []);
    }
  });

  it("merge two links to different directories, and leave a link that both have", async (t) => {
    const made = await linked(t, {
      a: dir({ d: dir({ x: file() }), same: link("d"), l: link("d") }),
      b: dir({ e: dir({ y: file() }), same: link("d"), l: link("e") }),
    });
    assert.deepEqual(made.lines.slice(-4), ["/l/ 755", "/l/x -> ~/a/d/x", "/l/y -> ~/b/e/y", "/same -> d"]);
    assert.deepEqual(made.notes, []);
  });

  it("may be a store path that is a link to another", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/real`, dir({ x: file() }));
    symlinkSync("real", `${folder}/l`);
    const contents = [{ source: `${folder}/l`, target: "/store/l" }];
    const locate = (path: string) => path.replace(folder, "/store");
    assert.deepEqual(lines(layRoot({ contents, locate }).items().items, folder), ["/x -> /store/l/x"]);
  });

  it("end where links go round", async (t) => {
    const round = dir({ l: link("."), d: dir({ up: link("..") }) });
    await linked(t, { a: round, b: round, c: dir({ l: dir({ l: dir({ l: dir({ x: file() }) }) }) }) });
  });
});

describe("a root", () => {
  it("has users, a shell, env, certificates and a place for temporary files on demand", () => {
    const root = layRoot({
      fakeNss: true,
      binSh: "/s/bin/bash",
      usrBinEnv: "/s/bin/env",
      caCertificates: "/s/ca.crt",
      tmp: true,
    });
    const { items } = root.items();
    assert.deepEqual(lines(items, "~"), [
      "/bin/ 755",
      "/bin/sh -> /s/bin/bash",
      "/etc/ 755",
      "/etc/group 644",
      "/etc/nsswitch.conf 644",
      "/etc/passwd 644",
      "/etc/pki/ 755",
      "/etc/pki/tls/ 755",
      "/etc/pki/tls/certs/ 755",
      "/etc/pki/tls/certs/ca-bundle.crt -> /s/ca.crt",
      "/etc/ssl/ 755",
      "/etc/ssl/certs/ 755",
      "/etc/ssl/certs/ca-bundle.crt -> /s/ca.crt",
      "/etc/ssl/certs/ca-certificates.crt -> /s/ca.crt",
      "/tmp/ 1777",
      "/usr/ 755",
      "/usr/bin/ 755",
      "/usr/bin/env -> /s/bin/env",
      "/var/ 755",
      "/var/empty/ 555",
    ]);
    const passwd = items.find((item) => item.kind === "entry" && item.entry.name === "/etc/passwd");
    assert.ok(passwd?.kind === "entry");
    assert.equal(
      Buffer.from(passwd.content!).toString(),
      "root:x:0:0:root user:/var/empty:/bin/sh\nnobody:x:65534:65534:nobody:/var/empty:/bin/sh\n",
    );
  });

  it("has a copy of certificates that no component holds", () => {
    const { items } = layRoot({ caCertificates: Buffer.from("pem") }).items();
    const made = lines(items, "~").filter((line) => line.includes(".crt"));
    const first = "/etc/ssl/certs/ca-bundle.crt";
    assert.deepEqual(made, [
      `/etc/pki/tls/certs/ca-bundle.crt -> ${first}`,
      `${first} 644`,
      `/etc/ssl/certs/ca-certificates.crt -> ${first}`,
    ]);
  });

  it("takes what is copied before links, those before its own files, and /tmp for everybody's", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(
      `${folder}/a`,
      dir({ etc: dir({ passwd: file(), group: file() }), tmp: { dir: {}, mode: 0o700 } }),
    );
    writeTree(`${folder}/b`, dir({ etc: dir({ passwd: file() }) }));
    const { items, notes } = layRoot({
      contents: [{ source: `${folder}/a`, target: "/store/a" }],
      copyToRoot: [`${folder}/b`],
      fakeNss: true,
      tmp: true,
    }).items();
    const made = lines(items, folder);
    for (const line of [
      "/etc/passwd = ~/b/etc/passwd",
      "/etc/group -> /store/a/etc/group",
      "/etc/nsswitch.conf 644",
      "/tmp/ 1777",
    ]) {
      assert.ok(made.includes(line), line);
    }
    assert.equal(notes.length, 3);
  });

  it("on a base opens its links where the base has directories, and copies what goes elsewhere name by name", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/far`, dir({ x: file() }));
    writeTree(`${folder}/a`, dir({ lib: link("../far") }));
    writeTree(`${folder}/b`, dir({ bin: dir({ z: file() }), opt: dir({ d: dir({ o: file() }) }) }));
    const entries: Readonly<Record<string, string>> = {
      "/bin": "usr/bin",
      "/lib": "usr/lib",
      "/usr": "",
      "/usr/bin": "",
      "/usr/lib": "",
      "/opt": "",
    };
    const base: BaseTree = {
      get: (path) => {
        const target = entries[path];
        return target === undefined
          ? undefined
          : target === ""
            ? { type: "directory", mode: 0o755 }
            : { type: "symlink", target };
      },
    };
    const contents = [{ source: `${folder}/a`, target: "/store/a" }];
    const locate = (path: string) => path.replace(folder, "/store");
    const { items, notes } = layRoot({ contents, copyToRoot: [`${folder}/b`], locate }).items(base);
    assert.deepEqual(lines(items, folder), [
      "/usr/ 755",
      "/usr/bin/ 755",
      "/usr/bin/z = ~/b/bin/z",
      "/usr/lib/ 755",
      "/usr/lib/x -> /store/far/x",
      "/opt/ 755",
      "/opt/d = ~/b/opt/d",
    ]);
    assert.deepEqual(notes, []);
  });
});

/** Writes the items down as files below `root`, in which the image's paths are this machine's. */
function unpack(items: readonly RootItem[], root: string): void {
  mkdirSync(root);
  for (const item of items) {
    if (item.kind === "tree") {
      symlinkSync(item.source, `${root}${item.target}`);
    } else if (item.entry.type === EntryType.directory) {
      mkdirSync(`${root}${item.entry.name}`);
    } else {
      symlinkSync(item.entry.linkname!, `${root}${item.entry.name}`);
    }
  }
}

/** Every path of a tree, through its links too, with what a file there says; undefined for a directory. */
function reach(root: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  const visit = (path: string, depth: number): void => {
    const at = `${root}${path}`;
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat === undefined) found.set(path, "a link to nothing");
    if (stat?.isFile()) found.set(path, readFileSync(at, "utf8"));
    if (!stat?.isDirectory() || depth > 5) return;
    if (path !== "") found.set(path, undefined);
    for (const name of ["a", "b", "c"])
      if (lstatSync(`${at}/${name}`, { throwIfNoEntry: false })) visit(`${path}/${name}`, depth + 1);
  };
  visit("", 0);
  return found;
}

describe("merging any trees", () => {
  // Links lead into a folder outside all trees, as those between store paths do, so that no tree changes what they mean.
  const name = fc.constantFrom("a", "b", "c");
  const { node } = fc.letrec<{ node: Tree; leaf: Tree }>((tie) => ({
    leaf: fc.oneof(
      fc.nat(1000).map((text): Tree => ({ file: `${text}` })),
      fc.constantFrom("", "/a", "/a/b", "/c", "/none").map((place): Tree => ({ link: `FAR${place}` })),
    ),
    node: fc.oneof(
      { maxDepth: 3 },
      tie("leaf"),
      fc
        .dictionary(name, tie("node"), { maxKeys: 3, noNullPrototype: true })
        .map((children): Tree => ({ dir: children })),
    ),
  }));
  const tree = fc.dictionary(name, node, { maxKeys: 3, noNullPrototype: true });
  const far = dir({
    a: dir({ b: dir({ c: file("far b") }), a: file("far a") }),
    b: file("far"),
    c: dir({ a: dir({}), b: file("far c") }),
  });

  /** A kept link in a folder in whose place comes another kept link. */
  const nested: { [name: string]: Tree }[] = [
    { a: dir({ a: dir({ a: dir({ a: dir({}) }) }) }) },
    { a: dir({ a: dir({ a: { link: "FAR" } }) }) },
    { a: { link: "FAR" } },
  ];

  /** A tree whose links have the folder's real path. */
  function placed(each: Tree, at: string): Tree {
    if ("link" in each) return { link: each.link.replace("FAR", at) };
    if (!("dir" in each)) return each;
    return dir(Object.fromEntries(Object.entries(each.dir).map(([key, child]) => [key, placed(child, at)])));
  }

  for (const style of ["contents", "copyToRoot", "copyToRoot with links kept"] as const) {
    it(`keeps every path's content, but where an earlier tree has another file: ${style}`, async (t) => {
      const folder = await temporaryFolder(t);
      writeTree(`${folder}/far`, far);
      let run = 0;
      fc.assert(
        fc.property(fc.array(tree, { minLength: 1, maxLength: 3 }), (trees) => {
          const here = `${folder}/${run++}`;
          mkdirSync(here);
          const sources = trees.map((children, index) => {
            writeTree(`${here}/${index}`, placed(dir(children), `${folder}/far`));
            return `${here}/${index}`;
          });
          const root =
            style === "contents"
              ? layRoot({
                  contents: sources.map((source) => ({ source, target: source })),
                  locate: (path) => path,
                })
              : // There the last tree wins.
                layRoot({ copyToRoot: sources.toReversed(), keepDirlinks: style !== "copyToRoot" });
          const { items, notes } = root.items();
          unpack(items, `${here}/root`);
          const merged = reach(`${here}/root`);

          const expected = new Map<string, string | undefined>();
          for (const source of sources) {
            for (const [path, content] of reach(source)) {
              let above = path;
              // A file of an earlier tree is in the way.
              while (above !== "/" && expected.get(above) === undefined) above = dirname(above);
              if (above === "/" && !expected.has(path)) expected.set(path, content);
            }
          }
          for (const [path, content] of expected) {
            assert.ok(merged.has(path), path);
            assert.equal(merged.get(path), content, path);
          }
          if (sources.length === 1) assert.deepEqual(notes, []);
        }),
        { numRuns: 80, examples: [[nested]] },
      );
    });
  }
});
