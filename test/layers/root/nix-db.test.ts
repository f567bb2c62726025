import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { EntryItem } from "#fs";
import { type NixDbPath, nixDatabase } from "#root";
import { mustRun, run } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const APP = `/nix/store/${"0".repeat(32)}-app`;
const LIBRARY = `/nix/store/${"1".repeat(32)}-library`;
const tools = { nixStore: "nix-store", sqlite3: "sqlite3" };
const find = async (program: string) => (await mustRun(["which", program])).trim();

/** The environment in which Nix knows only the store in a folder. */
const nixEnv = (root: string) => ({
  NIX_REMOTE: `local?root=${root}`,
  NIX_CONF_DIR: join(root, "etc"),
  NIX_CONFIG: "build-users-group =",
  HOME: root,
});

/** A store with two paths, as Nix would have it. */
async function storeIn(root: string): Promise<NixDbPath[]> {
  const paths = new Map([
    [LIBRARY, { file: "library", references: [LIBRARY] }],
    [APP, { file: `needs ${LIBRARY}`, references: [LIBRARY] }],
  ]);
  const known: NixDbPath[] = [];
  for (const [id, { file, references }] of paths) {
    const folder = join(root, id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "file"), file, { mode: 0o444 });
    symlinkSync("file", join(folder, "link"));
    utimesSync(join(folder, "file"), 1, 1);
    const { stdout } = await run(["nix-store", "--dump", folder]);
    const hash = (await mustRun(["nix-hash", "--type", "sha256", "--base32", folder])).trim();
    known.push({ id, narHash: `sha256:${hash}`, narSize: stdout.length, references });
  }
  return known;
}

async function made(t: TestContext, paths: readonly NixDbPath[], roots: readonly string[] = [APP]) {
  const temporary = await temporaryFolder(t);
  const real = { nixStore: await find("nix-store"), sqlite3: await find("sqlite3") };
  const items = await nixDatabase({ paths, roots, tools: real, temporary });
  assert.deepEqual(readdirSync(temporary), [], "nothing temporary is left");
  return items;
}

function unpack(items: readonly EntryItem[], root: string): void {
  for (const { entry, content } of items) {
    const path = join(root, entry.name);
    if (entry.type === "5") mkdirSync(path, { recursive: true });
    else if (entry.type === "2") symlinkSync(entry.linkname ?? "", path);
    else writeFileSync(path, content ?? "");
  }
}

describe("the Nix database of an image", { skip: requires("nixTools") }, () => {
  it("is sound to the real Nix, which knows the paths, their references and their roots by it", async (t) => {
    const root = await temporaryFolder(t);
    const paths = await storeIn(root);
    unpack(await made(t, paths), root);
    const env = nixEnv(root);
    const { code, stderr } = await run(["nix-store", "--verify", "--check-contents"], { env });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /not valid|modified|disappeared|missing|error/);
    const query = async (...args: string[]) =>
      (await mustRun(["nix-store", "--query", ...args], { env })).trim();
    assert.deepEqual((await query("--requisites", APP)).split("\n").sort(), [APP, LIBRARY].sort());
    assert.equal(await query("--references", LIBRARY), LIBRARY);
    assert.match(await query("--hash", APP), /^sha256:/);
    const dead = await mustRun(["nix-store", "--gc", "--print-dead"], { env });
    assert.equal(dead.trim(), "");
    const times = [
      "sqlite3",
      join(root, "nix/var/nix/db/db.sqlite"),
      "SELECT DISTINCT registrationTime FROM ValidPaths",
    ] as const;
    assert.equal((await mustRun(times)).trim(), "1");
  });

  it("finds a path that was changed", async (t) => {
    const root = await temporaryFolder(t);
    const paths = await storeIn(root);
    unpack(await made(t, paths), root);
    await mustRun(["sh", "-c", `chmod u+w ${root}${APP}/file && echo x >> ${root}${APP}/file`]);
    const { code, stderr } = await run(["nix-store", "--verify", "--check-contents"], { env: nixEnv(root) });
    assert.notEqual(code, 0);
    assert.match(stderr, /was modified/);
  });

  it("has the same bytes whatever the order of the paths", async (t) => {
    const paths = await storeIn(await temporaryFolder(t));
    const first = await made(t, paths, [APP, LIBRARY]);
    assert.deepEqual(await made(t, [...paths].reverse(), [LIBRARY, APP, APP]), first);
  });

  it("has its folders before what is in them, and links as dockerTools has them", async (t) => {
    const items = await made(t, await storeIn(await temporaryFolder(t)));
    const listed = items.map(({ entry }) => [entry.name, entry.linkname ?? ""].filter(Boolean).join(" -> "));
    assert.deepEqual(listed, [
      "/nix",
      "/nix/var",
      "/nix/var/nix",
      "/nix/var/nix/db",
      "/nix/var/nix/db/db.sqlite",
      "/nix/var/nix/db/schema",
      "/nix/var/nix/gcroots",
      "/nix/var/nix/gcroots/docker",
      `/nix/var/nix/gcroots/docker/${"0".repeat(32)}-app -> ${APP}`,
      "/nix/var/nix/profiles",
      "/nix/var/nix/temproots",
    ]);
  });

  it("says what nix-store says against the paths", async (t) => {
    const [library] = await storeIn(await temporaryFolder(t));
    const wrong = { ...library!, narHash: "sha256:none" };
    await assert.rejects(made(t, [wrong], []), {
      code: "SCRIPT_FAILED",
      message: /nix-store.*ended with 1: error/s,
    });
  });
});

describe("paths that no Nix database can have", () => {
  const library: NixDbPath = { id: LIBRARY, narHash: "sha256:x", narSize: 1, references: [] };
  const refused = async (
    t: TestContext,
    { paths, roots = [] }: { paths: readonly NixDbPath[]; roots?: readonly string[] },
    expected: object,
  ) => {
    const temporary = await temporaryFolder(t);
    await assert.rejects(nixDatabase({ paths, roots, tools, temporary }), expected);
    assert.deepEqual(readdirSync(temporary), []);
  };

  it("are refused with their name", async (t) => {
    const { narHash: _, ...unhashed } = library;
    await refused(
      t,
      { paths: [unhashed] },
      { code: "INVALID_GRAPH", message: /NAR hash and size of .*-library/ },
    );
    const elsewhere = { ...library, id: "/tmp/x" };
    await refused(
      t,
      { paths: [elsewhere] },
      { code: "INVALID_GRAPH", message: /"\/tmp\/x" is no path of the store/ },
    );
    const injected = { ...library, id: `${LIBRARY}\nx` };
    await refused(t, { paths: [injected] }, { code: "INVALID_GRAPH" });
    await refused(t, { paths: [{ ...library, narHash: "sha256:x\n1" }] }, { code: "INVALID_GRAPH" });
    const dangling = { ...library, references: [APP] };
    await refused(
      t,
      { paths: [dangling] },
      { code: "DANGLING_REFERENCE", message: /-library refers to .*-app/ },
    );
    await refused(
      t,
      { paths: [library], roots: [APP] },
      { code: "DANGLING_REFERENCE", message: /can't keep/ },
    );
  });

  it("need tools that are there", async (t) => {
    const temporary = await temporaryFolder(t);
    const missing = { nixStore: join(temporary, "no-nix-store"), sqlite3: "sqlite3" };
    await assert.rejects(nixDatabase({ paths: [library], roots: [], tools: missing, temporary }), {
      code: "NOT_FOUND",
      message: /no-nix-store/,
    });
    assert.deepEqual(readdirSync(temporary), []);
  });
});
