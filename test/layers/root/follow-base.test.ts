import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BaseEntry, type BaseTree, followBase, type RootItem, resolveInBase } from "#root";
import { EntryType } from "#tar";

/** A base: a path to a link's target, or `/` for a directory and `-` for a file. */
function baseOf(entries: Readonly<Record<string, string | BaseEntry>>): BaseTree {
  return {
    get(path) {
      const said = entries[path];
      if (typeof said !== "string") return said;
      if (said === "/") return { type: "directory", mode: 0o755, uid: 0, gid: 0 };
      return said === "-" ? { type: "file" } : { type: "symlink", target: said };
    },
  };
}

const USR_MERGED = baseOf({
  "/bin": "usr/bin",
  "/lib": "/usr/lib",
  "/usr": "/",
  "/usr/bin": { type: "directory", mode: 0o711, uid: 5, gid: 6, uname: "five", gname: "six" },
  "/usr/bin/ls": "-",
  "/usr/lib": "/",
});

const dir = (name: string, mode?: number): RootItem => ({
  kind: "entry",
  entry: { name, type: EntryType.directory, mode: mode ?? 0o755 },
  ...(mode === undefined && { implied: true }),
});
const link = (name: string, linkname: string): RootItem => ({
  kind: "entry",
  entry: { name, type: EntryType.symlink, mode: 0o777, linkname },
});
const tree = (target: string): RootItem => ({ kind: "tree", source: "/here", target });

const lines = (items: readonly RootItem[]) =>
  items.map((item) => {
    if (item.kind === "tree") return `${item.target} = ${item.source}`;
    const { name, type, linkname, mode, uid } = item.entry;
    return type === EntryType.symlink
      ? `${name} -> ${linkname}`
      : `${name}/ ${mode.toString(8)} ${uid ?? ""}`.trimEnd();
  });

describe("items on a base whose directories are links", () => {
  it("go to where the links lead, with the base's own directories above them", () => {
    const { items, notes } = followBase([dir("/bin"), link("/bin/x", "/nix/x"), tree("/lib/y")], USR_MERGED);
    assert.deepEqual(lines(items), [
      "/usr/ 755 0",
      "/usr/bin/ 711 5",
      "/usr/bin/x -> /nix/x",
      "/usr/lib/ 755 0",
      "/usr/lib/y = /here",
    ]);
    assert.deepEqual(notes, []);
  });

  it("keep a directory's own mode where it was wanted", () => {
    assert.deepEqual(lines(followBase([dir("/bin", 0o1777)], USR_MERGED).items), [
      "/usr/ 755 0",
      "/usr/bin/ 1777",
    ]);
    const twice = followBase([dir("/usr"), dir("/usr/bin"), dir("/bin", 0o700)], USR_MERGED);
    assert.deepEqual(lines(twice.items), ["/usr/ 755 0", "/usr/bin/ 700"]);
  });

  it("stay where they are, as they are, on a base without links", () => {
    const items = [dir("/bin"), link("/bin/x", "../y"), dir("/opt"), tree("/opt/z"), dir("/tmp", 0o1777)];
    assert.deepEqual(followBase(items, baseOf({})), { items, notes: [] });
  });

  it("have relative links lead to what they led to", () => {
    const { items } = followBase([link("/bin/x", "../opt/x"), link("/opt/y", "../bin/x")], USR_MERGED);
    assert.deepEqual(
      lines(items).filter((line) => line.includes("->")),
      ["/usr/bin/x -> /opt/x", "/opt/y -> ../bin/x"],
    );
  });

  it("are each there once, the first of two, with a note", () => {
    const { items, notes } = followBase(
      [link("/bin/x", "/one"), link("/usr/bin/x", "/two"), link("/usr/bin/y", "/z"), link("/bin/y", "/z")],
      USR_MERGED,
    );
    assert.deepEqual(lines(items).slice(2), ["/usr/bin/x -> /one", "/usr/bin/y -> /z"]);
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /^\/usr\/bin\/x /);
  });

  it("take a file's or a link's place, and say so when they hide a directory", () => {
    const { items, notes } = followBase([link("/bin/ls", "/new"), link("/lib", "/new")], USR_MERGED);
    assert.deepEqual(lines(items).slice(2), ["/usr/bin/ls -> /new", "/lib -> /new"]);
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /^\/lib is a directory in the base/);
  });

  it("are made behind a link that leads to nothing yet", () => {
    const base = baseOf({ "/var": "/", "/var/run": "/run" });
    assert.deepEqual(lines(followBase([dir("/var/run/x"), tree("/var/run/x/y")], base).items), [
      "/run/ 755",
      "/run/x/ 755",
      "/run/x/y = /here",
    ]);
  });

  it("are left as they are behind links in a circle and behind files", () => {
    const base = baseOf({ "/a": "/b", "/b": "a", "/f": "-", "/l": "f" });
    const items = [dir("/a"), tree("/a/x"), dir("/l"), tree("/l/x"), dir("/l/d"), tree("/l/d/x")];
    assert.deepEqual(followBase(items, base).items, items);
  });

  it("keep a tree whose place another one's parents had made, and trees that come to one place", () => {
    const isDirectory = () => true;
    const home = baseOf({ "/home": "/usr/home", "/usr": "/", "/usr/home": "/" });
    const nested = [dir("/home/npm/node_modules"), tree("/home/npm"), tree("/home/npm/node_modules/x")];
    const followed = followBase(nested, home, { isDirectory });
    assert.deepEqual(followed.notes, []);
    assert.deepEqual(lines(followed.items), [
      "/usr/ 755 0",
      "/usr/home/ 755 0",
      "/usr/home/npm = /here",
      "/usr/home/npm/node_modules/ 755",
      "/usr/home/npm/node_modules/x = /here",
    ]);
    const inOne = [dir("/bin", 0o700), tree("/bin"), tree("/usr/bin"), dir("/usr/bin")];
    assert.deepEqual(lines(followBase(inOne, USR_MERGED, { isDirectory }).items).slice(1), [
      "/usr/bin/ 700",
      "/usr/bin = /here",
      "/usr/bin = /here",
    ]);
  });

  it("move a whole tree if it is a directory", () => {
    const { items } = followBase([tree("/bin")], USR_MERGED, { isDirectory: () => true });
    assert.deepEqual(lines(items), ["/usr/ 755 0", "/usr/bin = /here"]);
  });
});

describe("a path in a base", () => {
  it("never leads out of the root", () => {
    const base = baseOf({
      "/up": "../../..",
      "/up2": "/../etc",
      "/etc": "/",
      "/etc/x": "../../etc/../etc/./y",
      "/etc/y": "-",
    });
    assert.equal(resolveInBase(base, "/up/etc")?.path, "/etc");
    assert.equal(resolveInBase(base, "/up2/z")?.path, "/etc/z");
    assert.deepEqual(resolveInBase(base, "/etc/x"), { path: "/etc/y", entry: { type: "file" } });
    assert.equal(resolveInBase(base, "/up")?.path, "/");
  });

  it("is bounded in the links it follows", () => {
    const chain = (length: number) =>
      baseOf({
        ...Object.fromEntries(Array.from({ length }, (_, n) => [`/l${n}`, `l${n + 1}`])),
        [`/l${length}`]: "/",
      });
    assert.equal(resolveInBase(chain(40), "/l0")?.path, "/l40");
    assert.equal(resolveInBase(chain(41), "/l0"), undefined);
  });
});
