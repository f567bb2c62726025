import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LayerRecipe } from "#fs";
import { compileRules, rulesFor, unmatchedGlobs } from "#root";
import { EntryType } from "#tar";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

async function matches(glob: string, ...paths: string[]): Promise<string[]> {
  const [rule] = await compileRules([{ path: glob, uid: 1 }]);
  return paths.filter((path) => rule!.rule.path.test(path));
}

const entry = (name: string): LayerRecipe["items"][number] => ({
  kind: "entry",
  entry: { name, type: EntryType.file, mode: 0o644 },
});

function recipe(items: LayerRecipe["items"]): LayerRecipe {
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  return { items, owner, mtime: 1, modes: "keep", components: [] };
}

describe("a rule's path", () => {
  it("is absolute in the image, with or without a slash in front or behind", async () => {
    for (const glob of ["bin/ping", "/bin/ping", "./bin/ping", "//bin/ping/"]) {
      assert.deepEqual(await matches(glob, "/bin/ping", "/usr/bin/ping", "/bin/pinga"), ["/bin/ping"]);
    }
  });

  it("matches any folders with **, files with a dot, too, and not the folder itself", async () => {
    const paths = ["/home/jane", "/home/jane/.profile", "/home/jane/a/.b/c", "/home/janet/x"];
    assert.deepEqual(await matches("/home/jane/**", ...paths), ["/home/jane/.profile", "/home/jane/a/.b/c"]);
    assert.deepEqual(await matches("/home/jane{,/**}", ...paths), paths.slice(0, 3));
    assert.deepEqual(await matches("**/c", "/c", "/a/c", "/a/b/c", "/a/cc"), ["/c", "/a/c", "/a/b/c"]);
  });

  it("matches within a name with * and ?, and capitals for themselves", async () => {
    assert.deepEqual(await matches("/b/*", "/b/x", "/b/.x", "/b/x/y", "/b", "/B/x"), ["/b/x", "/b/.x"]);
    assert.deepEqual(await matches("/?c", "/ac", "/abc", "/é"), ["/ac"]);
    assert.deepEqual(await matches("/{a,b}/[xy]", "/a/x", "/b/y", "/c/x", "/a/z"), ["/a/x", "/b/y"]);
    assert.deepEqual(await matches("!a", "/a", "/b", "/!a"), ["/!a"]);
    assert.deepEqual(await matches("/a.b+", "/a.b+", "/axbb"), ["/a.b+"]);
    assert.deepEqual(await matches("/\\*", "/*", "/x"), ["/*"]);
  });

  it("is refused when it names the root or nothing", async () => {
    for (const path of ["", "/", "./"]) {
      await assert.rejects(compileRules([{ path }]), { code: "INVALID_SPEC" });
    }
  });
});

describe("rules", () => {
  it("go only to the layers in which they could match", async () => {
    const rules = await compileRules([
      { path: "/nix/store/*-ping-*/bin/ping", mode: 1 },
      { path: "/home/**", mode: 2 },
      { path: "**/x", mode: 3 },
      { path: "{/nix/store/a,/y}/**", mode: 4 },
    ]);
    const modes = (...items: LayerRecipe["items"]) => rulesFor(items, rules).map(({ mode }) => mode);
    const tree = (target: string) => ({ kind: "tree", source: "/gone", target }) as const;
    assert.deepEqual(modes(tree("/nix/store/a-ping-1")), [1, 3, 4]);
    assert.deepEqual(modes(tree("/nix/store/a-pong-1")), [3, 4]);
    assert.deepEqual(modes(tree("/home")), [2, 3, 4]);
    assert.deepEqual(modes(entry("/home/a"), entry("/y/a")), [2, 4]);
    assert.deepEqual(modes(entry("/etc")), []);
  });

  it("that match nothing are found, in entries and in trees", async (t) => {
    const root = await temporaryFolder(t);
    writeTree(`${root}/a`, { dir: { bin: { dir: { ping: { file: "" }, gone: { file: "" } } } } });
    const globs = [
      "/etc/passwd",
      "/etc/shadow",
      "/a/bin/ping",
      "/a/bin/pong",
      "/a",
      "/a/bin/gone",
      "**/ping",
      "/a/b*/*",
    ];
    const rules = await compileRules(globs.map((path) => ({ path })));
    const items = [
      entry("/etc/passwd"),
      { kind: "tree", source: `${root}/a`, target: "/a", exclude: ["bin/gone"] } as const,
    ];
    assert.deepEqual(unmatchedGlobs([recipe(items)], rules), ["/etc/shadow", "/a/bin/pong", "/a/bin/gone"]);
  });

  it("that are none match nothing and cost nothing", async () => {
    assert.deepEqual(await compileRules([]), []);
    assert.deepEqual(unmatchedGlobs([recipe([])], []), []);
  });
});
