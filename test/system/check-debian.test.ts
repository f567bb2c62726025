/** `varve check` says of programs what their own loader says, in root file systems made of Debian packages. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  globSync,
  mkdirSync,
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
import { DebianPackages, elfFiles, listed } from "./support/debian-roots.ts";

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

const skip = requires("root", "debianPackages", "busybox");

describe("varve check and the loader itself", { skip, timeout: 1_200_000 }, () => {
  const scope = stacked({ after });
  let folder: string;
  let packages: DebianPackages;
  before(async () => {
    folder = await temporaryFolder(scope);
    packages = new DebianPackages(join(folder, "debs"));
    packages.download(ROOTS.flatMap(([name]) => packages.withLibraries(name)));
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

      const problems: string[] = [];
      const found = of("missing-library").map(({ path, subject }) => ({ path, name: subject! }));
      for (const [file, { missing, loaded, versions }] of said) {
        for (const name of missing) {
          if (!found.some((each) => each.name === name && loaded.has(each.path)))
            problems.push(`${file}: ${name} wasn't found to be missing`);
        }
        for (const each of versions) {
          if (!of("missing-version").some(({ path, subject }) => `${subject} ${path}` === each))
            problems.push(`${file}: ${each} wasn't found to be missing`);
        }
      }
      const answers = [...said.values()];
      for (const { path, name } of found) {
        const isSaid = answers.some(({ missing, loaded }) => missing.has(name) && loaded.has(path));
        if (!isSaid) problems.push(`${path}: ${name} isn't missing`);
      }
      for (const { path, subject } of of("missing-version")) {
        if (!answers.some(({ versions }) => versions.has(`${subject} ${path}`)))
          problems.push(`${path}: ${subject} isn't missing`);
      }
      assert.deepEqual(problems, []);
      assert.deepEqual([of("wrong-platform"), of("broken-elf")], [[], []]);
      rmSync(root, { recursive: true });
    });
  }
});
