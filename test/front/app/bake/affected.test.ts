import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { bake, matrixText, meantTargets, printTargets, targetsAt, thisMachine } from "#app";
import { FakeRegistry } from "#testing";
import { writeMonorepo } from "../../../support/monorepo.ts";
import { stacked, temporaryFolder } from "../../../support/tmp.ts";

/** A monorepo in a Git repository, all of it committed. */
async function world(t: TestContext) {
  const scope = stacked(t);
  const folder = await temporaryFolder(scope);
  const root = join(folder, "mono");
  writeMonorepo(root, { services: 4, libraries: 4 });
  writeFileSync(join(root, ".gitignore"), "node_modules/\n");
  writeFileSync(join(root, "services/svc-0/.dockerignore"), "*.md\n");
  const env = { PATH: process.env["PATH"], HOME: folder, GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=me", "-c", "user.email=me@example.com", ...args], {
      cwd: root,
      env,
    });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "--message", "first");
  const own = thisMachine({ cache: join(folder, "cache") });
  scope.after(async () => own[Symbol.asyncDispose]());
  const machine = { ...own, base: "scratch" };
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const edit = (path: string, change: (value: ReturnType<typeof JSON.parse>) => void) => {
    const value = JSON.parse(readFileSync(join(root, path), "utf8"));
    change(value);
    write(path, JSON.stringify(value));
  };
  const targets = async (names: readonly string[] = []) =>
    (await targetsAt(root, { machine, names })).targets;
  const meant = async (commit = "main", place = root) => {
    const { targets } = await targetsAt(place, { machine });
    return await meantTargets(targets, { machine, affectedSince: { commit, folder: root } });
  };
  const affected = async (commit?: string, place?: string) =>
    Object.fromEntries((await meant(commit, place)).map(({ target, affectedBy }) => [target, affectedBy]));
  return { folder, root, machine, git, write, edit, targets, meant, affected };
}

describe("the targets that a change affects", () => {
  it("are none where nothing differs, and those of changed, new and removed files", async (t) => {
    const { root, git, write, affected } = await world(t);
    assert.deepEqual(await affected(), {});
    write("services/svc-0/index.js", "changed");
    write("services/svc-1/new.js", "new");
    rmSync(join(root, "services/svc-2/index.js"));
    write("services/svc-2/main.js", "");
    const { "svc-2": third, ...others } = await affected();
    assert.deepEqual(others, { "svc-0": "services/svc-0/index.js", "svc-1": "services/svc-1/new.js" });
    // It can't be said what isn't a project any more; it is the build that says why.
    assert.equal(third, undefined);
    git("add", ".");
    git("commit", "--quiet", "--message", "second");
    assert.deepEqual(Object.keys(await affected("main~1")), ["svc-0", "svc-1", "svc-2"]);
    write("services/svc-2/index.js", "");
    assert.deepEqual(Object.keys(await affected("HEAD")), ["svc-2"]);
  });

  it("are those that need a package of the workspace, and no others", async (t) => {
    const { write, affected } = await world(t);
    write("packages/lib-1/index.js", "changed");
    assert.deepEqual(await affected(), {
      "svc-0": "packages/lib-1/index.js",
      "svc-1": "packages/lib-1/index.js",
    });
  });

  it("aren't those in whose images the file isn't, but those of which it says what is", async (t) => {
    const { write, affected } = await world(t);
    write("README.md", "of the repository");
    write("services/svc-0/README.md", "stays out");
    write("packages/unused/index.js", "nobody's");
    assert.deepEqual(await affected(), {});
    write("services/svc-0/.dockerignore", "*.txt\n");
    write("services/svc-1/varve.json", JSON.stringify({ cmd: "node index.js" }));
    assert.deepEqual(await affected(), {
      "svc-0": "services/svc-0/.dockerignore",
      "svc-1": "services/svc-1/varve.json",
    });
    write(".nvmrc", "24");
    assert.equal(Object.keys(await affected()).length, 4);
  });

  it("are those that have a package of which the lock file says something else", async (t) => {
    const { edit, affected } = await world(t);
    // lib-2 needs c, which needs those behind it; svc-1 and svc-2 need lib-2, svc-0 and svc-3 what comes before, too.
    const bump = (name: string) =>
      edit("package-lock.json", ({ packages }) => {
        packages[`node_modules/${name}`].integrity = "sha512-other";
      });
    bump("a");
    const first = await affected();
    assert.deepEqual(first, { "svc-0": "the package a", "svc-3": "the package a" });
    bump("f");
    assert.equal(Object.keys(await affected()).length, 4);
  });

  it("are all where the lock file can't be compared", async (t) => {
    const { git, write, root, affected } = await world(t);
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    write("package-lock.json", "{}");
    git("commit", "--quiet", "--all", "--message", "broken");
    write("package-lock.json", "{ not JSON");
    git("commit", "--quiet", "--all", "--message", "worse");
    write("package-lock.json", lock);
    assert.equal(Object.keys(await affected("HEAD")).length, 4);
  });

  it("of a file are those whose definition is in it, and those of its paths", async (t) => {
    const { git, root, write, affected } = await world(t);
    write(
      "varve.bake.json",
      JSON.stringify({
        target: { one: "services/svc-0", two: { files: [{ from: "data", to: "/data" }], cmd: "x" } },
      }),
    );
    write("data/a", "a");
    git("add", ".");
    git("commit", "--quiet", "--message", "targets");
    assert.deepEqual(await affected("HEAD"), {});
    write("data/a", "b");
    assert.deepEqual(await affected("HEAD"), { two: "data/a" });
    write("services/svc-0/index.js", "b");
    assert.deepEqual(Object.keys(await affected("HEAD", join(root, "varve.bake.json"))), ["one", "two"]);
    git("checkout", "--quiet", ".");
    write("varve.bake.json", `${readFileSync(join(root, "varve.bake.json"), "utf8")}\n`);
    assert.deepEqual(Object.keys(await affected("HEAD")), ["one", "two"]);
  });

  it("are asked of Git, which must know the commit", async (t) => {
    const { folder, machine, targets, affected } = await world(t);
    await assert.rejects(affected("gone"), { code: "USAGE", message: /has no commit gone; fetch it/ });
    await assert.rejects(affected("--output=x"), { code: "USAGE", message: /has no commit --output=x/ });
    const affectedSince = { commit: "main", folder };
    const all = await targets();
    await assert.rejects(meantTargets(all, { machine, affectedSince }), {
      code: "USAGE",
      message: /is in no Git repository/,
    });
    const without = { ...machine, path: folder };
    await assert.rejects(meantTargets(all, { machine: without, affectedSince }), {
      code: "USAGE",
      message: /needs git/,
    });
  });

  it("alone are built, with the layers that they have if all are built", async (t) => {
    const { folder, root, machine, write, targets } = await world(t);
    write("packages/lib-1/index.js", "changed");
    const to = [`oci:${join(folder, "layout")}:{target}`];
    const affectedSince = { commit: "main", folder: root };
    const done: string[] = [];
    const only = await bake(await targets(), {
      ...{ machine, to, affectedSince, check: false },
      onDone: ({ target }, { done: n, all }) => done.push(`${target} ${n}/${all}`),
    });
    assert.deepEqual(done.sort(), ["svc-0 1/2", "svc-1 2/2"]);
    const all = await bake(await targets(), { machine, to, check: false });
    const digest = (name: string, images: typeof all) =>
      images.find(({ target }) => target === name)?.built?.digest;
    for (const name of ["svc-0", "svc-1"]) assert.equal(digest(name, only), digest(name, all));
    assert.equal(only.length, 2);
  });

  it("have others planned before them only where no lock file has these", async (t) => {
    const { folder, root, machine, git, write, targets } = await world(t);
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    const lockFile = join(folder, "layers.lock.json");
    const options = { machine, to: [`oci:${join(folder, "layout")}:{target}`], check: false };
    await bake(await targets(), { ...options, lockFile });
    // Whoever plans it asks for its base, which isn't there.
    write("services/svc-0/varve.json", JSON.stringify({ fromImage: `${registry.host}/base:1` }));
    git("add", ".");
    git("commit", "--quiet", "--message", "base");
    write("services/svc-3/index.js", "changed");
    const affectedSince = { commit: "main", folder: root };
    const [kept, ...more] = await bake(await targets(), { ...options, affectedSince, lockFile });
    assert.deepEqual([kept?.target, more], ["svc-3", []]);
    assert.equal(registry.requests.length, 0);
    const all = await bake(await targets(), { ...options, lockFile });
    assert.equal(all[3]?.built?.digest, kept?.built?.digest);
    registry.requests.length = 0;
    await bake(await targets(), { ...options, affectedSince });
    assert.ok(registry.requests.length > 0);
  });
});

describe("targets that are printed", () => {
  it("have their places, specs and layers, and nothing is written", async (t) => {
    const { folder, machine, targets } = await world(t);
    const to = [`oci:${join(folder, "layout")}:{target}-{tag}`];
    const [one, other] = await printTargets(await targets(["svc-0", "svc-1"]), { machine, to });
    assert.equal(one!.name, "mono/svc-0");
    assert.deepEqual(one!.places, [`oci:${join(folder, "layout")}:svc-0-1.0.0`]);
    assert.equal(one!.spec.cmd, "node index.js");
    const layers = (printed: typeof one) =>
      printed!.plan.plan.layers.map(({ components }) => components.map(({ id }) => id).join());
    assert.ok(
      layers(one).some((layer) => layers(other).includes(layer)),
      "they share layers",
    );
    assert.throws(() => readFileSync(join(folder, "layout/index.json")));
  });

  it("are a matrix for GitHub and for GitLab", async (t) => {
    const { write, meant } = await world(t);
    assert.equal(matrixText(await meant(), "github"), '{"include":[]}\n');
    assert.match(
      matrixText(await meant(), "gitlab"),
      /^\.varve-targets:\n {2}rules:\n {4}- when: never\nnothing-to-bake:\n/,
    );
    write("packages/lib-1/index.js", "changed");
    const found = await meant();
    assert.deepEqual(JSON.parse(matrixText(found, "github")), {
      include: [
        { target: "svc-0", name: "mono/svc-0", tag: "1.0.0" },
        { target: "svc-1", name: "mono/svc-1", tag: "1.0.0" },
      ],
    });
    assert.equal(
      matrixText(found, "gitlab"),
      '.varve-targets:\n  parallel:\n    matrix:\n      - TARGET:\n          - "svc-0"\n          - "svc-1"\n',
    );
    const many = Array.from({ length: 257 }, () => found[0]!);
    assert.throws(() => matrixText(many, "github"), { code: "USAGE", message: /has 256 jobs at most/ });
  });
});
