/** `varve check` says of programs what their own loader says, and lddtree, in root file systems made of Debian packages. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { CheckedImage } from "#app";
import { run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { DebianPackages, elfFiles, LddTree, type Listed, listed } from "./support/debian-roots.ts";

/** What is done to a root after its packages were unpacked. */
type Change = (root: string) => void;

/** Removes every so-and-so-many-th library, but for the loader and the C library, without which it can't say anything. */
const without =
  (every: number, first: number): Change =>
  (root) => {
    const libraries = globSync("{lib,usr/lib}/x86_64-linux-gnu/**/*.so*", { cwd: root }).sort();
    const removed = libraries.filter(
      (path, index) => index % every === first && !/\/(?:ld-|libc\.so)/.test(path),
    );
    for (const path of removed) rmSync(join(root, path));
  };

const ldconfig: Change = (root) => {
  mkdirSync(join(root, "etc"), { recursive: true });
  execFileSync("/sbin/ldconfig", ["-r", root], { stdio: "ignore" });
};

/** Moves a library to where only `ld.so.conf` says that there may be some. */
const moved =
  (glob: string, folder: string): Change =>
  (root) => {
    mkdirSync(join(root, folder), { recursive: true });
    for (const path of globSync(glob, { cwd: root }))
      renameSync(join(root, path), join(root, folder, basename(path)));
    appendFileSync(join(root, "etc/ld.so.conf"), `/${folder}\n`);
  };

/** Puts one library in the place of another, whose versions it doesn't have. */
const swapped =
  (glob: string, by: string): Change =>
  (root) => {
    const [from, to] = [by, glob].map((each) => globSync(each, { cwd: root }).sort().at(-1)!);
    copyFileSync(join(root, from!), join(root, to!));
  };

const several =
  (...changes: Change[]): Change =>
  (root) => {
    for (const change of changes) change(root);
  };

const nothing: Change = () => {};
const LIB = "{lib,usr/lib}/x86_64-linux-gnu";

const ROOTS: readonly (readonly [name: string, change: Change])[] = [
  ["bash", nothing],
  ["coreutils", without(5, 1)],
  ["curl", nothing],
  ["curl", without(6, 2)],
  ["curl", ldconfig],
  ["curl", several(ldconfig, without(7, 3))],
  ["curl", several(moved(`${LIB}/libz.so*`, "opt/lib"), ldconfig)],
  ["curl", moved(`${LIB}/libz.so*`, "opt/lib")],
  ["git", without(8, 0)],
  ["openssl", without(4, 1)],
  ["python3.11-minimal", without(6, 0)],
  ["perl-base", nothing],
  ["sqlite3", without(5, 4)],
  ["openssh-client", without(6, 5)],
  ["wget", swapped(`${LIB}/libz.so.1.*`, `${LIB}/libuuid.so.1.*`)],
  ["rsync", swapped(`${LIB}/libz.so.1.*`, `${LIB}/libzstd.so.1.*`)],
  ["jq", without(3, 1)],
  ["gpg", without(5, 0)],
  ["redis-tools", without(6, 1)],
  ["iproute2", without(6, 2)],
  ["nano", without(3, 0)],
  ["postgresql-client-15", without(8, 3)],
  ["nginx", without(7, 1)],
  ["libmagickcore-6.q16-6", without(9, 4)],
];

/** Where what was found isn't what somebody else says. */
function disagreements(
  found: readonly { readonly path: string; readonly name: string }[],
  said: ReadonlyMap<string, Listed>,
): string[] {
  const unseen = [...said].flatMap(([file, { missing, loaded }]) =>
    [...missing]
      .filter((name) => !found.some((each) => each.name === name && loaded.has(each.path)))
      .map((name) => `${file}: ${name} wasn't found to be missing`),
  );
  const answers = [...said.values()];
  const invented = found
    .filter(({ path, name }) => !answers.some(({ missing, loaded }) => missing.has(name) && loaded.has(path)))
    .map(({ path, name }) => `${path}: ${name} isn't missing`);
  return [...unseen, ...invented];
}

const skip = requires("root", "debianPackages", "busybox");

describe("varve check and the loader itself", { skip, timeout: 1_200_000 }, () => {
  const scope = stacked({ after });
  let folder: string;
  let packages: DebianPackages;
  let lddTree: LddTree;
  before(async () => {
    folder = await temporaryFolder(scope);
    packages = new DebianPackages(join(folder, "debs"));
    packages.download([
      ...ROOTS.flatMap(([name]) => packages.withLibraries(name)),
      ...["pax-utils", "python3-pyelftools"],
    ]);
    lddTree = new LddTree(packages, join(folder, "lddtree"));
  });

  it("are asked of twenty roots and more", () => assert.ok(ROOTS.length >= 20));

  for (const [index, [name, change]] of ROOTS.entries()) {
    it(`agree on what is missing: ${name}, root ${index + 1}`, async () => {
      const root = join(folder, `root-${index}`);
      packages.unpack(packages.withLibraries(name), root);
      mkdirSync(join(root, "etc"), { recursive: true });
      change(root);
      const files = elfFiles(root);
      assert.ok(files.length > 3);
      const spec = join(folder, `${index}.json`);
      writeFileSync(
        spec,
        JSON.stringify({ name: "root", copyToRoot: root, keepContentsDirlinks: true, layered: false }),
      );
      const { stdout, stderr } = await run([...builtCommand, "check", spec, "--json", "--no-cache"]);
      const { findings } = JSON.parse(stdout.toString() || assert.fail(stderr)) as CheckedImage;
      const said = await listed(root, files);
      const of = (code: string) => findings.filter((finding) => finding.code === code);

      const found = of("missing-library").map(({ path, subject }) => ({ path, name: subject! }));
      assert.deepEqual(disagreements(found, said), []);
      const answers = [...said.values()];
      const versions = new Set(answers.flatMap(({ versions }) => [...versions]));
      assert.deepEqual(
        new Set(of("missing-version").map(({ path, subject }) => `${subject} ${path}`)),
        versions,
      );
      if (!existsSync(join(root, "etc/ld.so.conf"))) {
        // It takes what this says for searched, which the loader doesn't.
        const folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"];
        writeFileSync(join(root, "etc/ld.so.conf"), folders.map((folder) => `${folder}\n`).join(""));
        // And it looks for $ORIGIN outside of the root.
        const asked = new Set(files.filter((path) => !readFileSync(join(root, path)).includes("$ORIGIN")));
        const ofThese = found.filter(({ path }) => asked.has(path));
        assert.deepEqual(disagreements(ofThese, await lddTree.listed(root, [...asked])), []);
      }
      assert.deepEqual([of("wrong-platform"), of("broken-elf")], [[], []]);
      rmSync(root, { recursive: true });
    });
  }
});
