import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { openDigestCache } from "#cache";
import { KeptListings } from "#fs";
import { rememberListed } from "../../../src/front/app/ahead.ts";
import { begunFor, headStart } from "../../../src/front/cli/head-start.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

it("a build's files are listed before its code is loaded, where the arguments name a folder that was built", async (t) => {
  const folder = await temporaryFolder(t);
  const [project, other] = [join(folder, "project"), join(folder, "other")];
  for (const path of [project, other]) writeTree(path, { dir: { a: { file: "a" } } });
  const cache = openDigestCache({ folder: join(folder, "cache"), now: Date.now });
  const listings = new KeptListings(cache.now());
  const item = { kind: "tree", source: project, target: "/app" } as const;
  const many = { modes: new Uint32Array(4000) };
  listings.keep(item, many as never);
  rememberListed(cache, project, listings);
  const begun = () => begunFor(project, cache)?.ahead;

  headStart(["--no-cache", "--cache-dir", cache.folder, project]);
  headStart(["--cache-dir", join(folder, "elsewhere"), project]);
  headStart(["--cache-dir", cache.folder, other]);
  assert.equal(begun(), undefined);

  headStart([
    "--push",
    "registry.example/app:1",
    `--cache-dir=${cache.folder}`,
    "--max-layers",
    "5",
    project,
  ]);
  assert.ok(begun());
  assert.ok((await begun()!.listings())(item));
  assert.equal(begunFor(other, cache), undefined);
  assert.equal(begunFor(project, openDigestCache({ folder, now: Date.now })), undefined);
  assert.equal(begunFor(project, undefined), undefined);
});
