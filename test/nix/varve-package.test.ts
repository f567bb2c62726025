import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const readJson = (relative: string) => JSON.parse(readFileSync(path(relative), "utf8"));

describe("varve as a Nix package", { skip: requires("nixEvaluation") }, () => {
  const scope = stacked({ after });
  /** A folder in which nothing is built, so that varve is made from its sources, and one in which something is. */
  let sources: string;
  let built: string;

  before(async () => {
    const folder = await temporaryFolder(scope);
    [sources, built] = [join(folder, "sources"), join(folder, "built")];
    for (const one of [sources, built]) await mkdir(one);
    await writeFile(join(built, "bin.js"), "");
  });

  /** The package, with a Node.js of some version. */
  const varve = (dist: string, { version = "26.0.0", more = "" } = {}) =>
    `(import ${path("nix/varve.nix")} { dist = ${dist}; pkgs = pkgs // { nodejs = package "nodejs" // { version = "${version}"; }; ${more} }; })`;

  it("is made of its sources and the packages that the lock file names, by their hashes there", async () => {
    const fetchurl = "fetchurl = args: { outPath = builtins.toJSON args; };";
    const args = (await evaluate(`${varve(sources, { more: fetchurl })}.drvAttrs.args`)) as string[];
    const fetched = [...args.join("\n").matchAll(/tar -xzf (\{.*?\}) -C (\S+)/g)].map(([, json, place]) => ({
      ...JSON.parse(json!),
      place,
    }));
    type Locked = Record<string, { dev?: true; devOptional?: true; version: string; integrity: string }>;
    const locked = Object.entries(readJson("package-lock.json").packages as Locked)
      .filter(([place, { dev, devOptional }]) => place !== "" && !dev && !devOptional)
      .map(([place, { version, integrity }]) => {
        const name = place.replace(/.*node_modules\//, "");
        const file = `${name.replace(/.*\//, "")}-${version}.tgz`;
        return { hash: integrity, name: file, url: `https://registry.npmjs.org/${name}/-/${file}`, place };
      });
    assert.ok(locked.length > 3);
    const byPlace = (a: { place: string }, b: { place: string }) => (a.place < b.place ? -1 : 1);
    assert.deepEqual(fetched.sort(byPlace), locked.sort(byPlace));
    // Whatever is in package.json must be there.
    const names = Object.keys(readJson("package.json").dependencies);
    assert.deepEqual(
      names.filter((name) => !locked.some(({ place }) => place === `node_modules/${name}`)),
      [],
    );
  });

  it("is there for each system that has Node.js", async () => {
    for (const system of ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"]) {
      const facts = await evaluate(
        `(let one = ${varve(sources, { more: `system = "${system}";` })}; in [ one.system one.type one.pname one.meta.mainProgram (one.drvPath != "") ])`,
      );
      assert.deepEqual(facts, [system, "derivation", "varve", "varve", true]);
    }
  });

  it("says so where Node.js is too old for it", async () => {
    const answer = async (dist: string, version: string) => {
      const { code, stderr } = await tryToEvaluate(`${varve(dist, { version })}.drvPath`);
      return code === 0 ? "taken" : /varve needs Node\.js \S+ or newer, and nodejs is \S+;/.exec(stderr)?.[0];
    };
    for (const version of ["20.19.5", "22.17.1", "23.5.0"]) {
      assert.equal(
        await answer(sources, version),
        `varve needs Node.js 22.18 or newer, and nodejs is ${version};`,
      );
    }
    for (const version of ["22.18.0", "23.6.0", "24.0.0", "26.1.0"])
      assert.equal(await answer(sources, version), "taken");
    assert.equal(
      await answer(built, "22.14.0"),
      "varve needs Node.js 22.15 or newer, and nodejs is 22.14.0;",
    );
    assert.equal(await answer(built, "22.15.0"), "taken");
    assert.equal(readJson("package.json").engines.node, ">=22.15");
  });

  it("takes another Node.js than pkgs.nodejs", async () => {
    const taken = await evaluate(
      `(import ${path("nix/varve.nix")} { dist = ${sources}; inherit pkgs; nodejs = package "nodejs_24" // { version = "24.1.0"; }; }).name`,
    );
    assert.match(taken as string, /^varve-/);
  });
});
