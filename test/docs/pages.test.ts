import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { apiPage, undocumented } from "../../scripts/api-page.ts";
import { type PublicApi, readPublicApi } from "../../scripts/declarations.ts";
import { cliPage, GENERATED, specPage } from "../../scripts/docs-pages.ts";
import { specInputSource } from "../../scripts/spec-input.ts";

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

it("docs/cli.md is what the commands say of themselves (npm run docs writes it)", async () => {
  assert.equal(page("cli.md"), await cliPage());
});

it("docs/spec.md is what the spec's schema says (npm run docs writes it)", () => {
  assert.equal(page("spec.md"), specPage());
});

it("docs/architecture.md names files that are there", () => {
  const [before = "", after = ""] = page("architecture.md").split("### Where things went");
  const text = before + after.slice(after.indexOf("\n## "));
  const named = [...text.matchAll(/`((?:[a-z-]+\/)+[a-z0-9-]+\.(?:ts|sh))`/g)].map(([, path]) => path!);
  const root = new URL("../../src", import.meta.url);
  const files = globSync("**/*.{ts,sh}", { cwd: root }).map((file) => `/${file}`);
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((path) => !path.startsWith("scripts/") && !files.some((file) => file.endsWith(`/${path}`))),
    [],
  );
});

it("the type of specs is what their schema says (npm run docs writes it)", () => {
  const source = readFileSync(new URL("../../src/sources/spec/input.ts", import.meta.url), "utf8");
  assert.equal(source, specInputSource());
});

describe("the public API", () => {
  let api: PublicApi;
  before(() => {
    api = readPublicApi();
  });

  it("is what docs/api.md says (npm run docs writes it)", () => {
    assert.equal(page("api.md"), apiPage(api, GENERATED));
  });

  it("exports whatever a signature names, and its comments are well-formed", () => {
    assert.deepEqual(api.faults, []);
  });

  it("has a comment for everything that is exported", () => {
    assert.deepEqual(undocumented(api), []);
  });

  it("has about 25 names in its main entry", () => {
    assert.ok(api.entries.get("index")!.names.length <= 30);
  });

  it("names no room and no library of the schema's in its declarations", () => {
    for (const text of api.declarations.values()) assert.doesNotMatch(text, /from ['"](#|zod)/);
  });
});
