import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { cliPage, specPage } from "../../scripts/docs-pages.ts";
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
    named.filter((path) => !files.some((file) => file.endsWith(`/${path}`))),
    [],
  );
});

it("the type of specs is what their schema says (npm run docs writes it)", () => {
  const source = readFileSync(new URL("../../src/sources/spec/input.ts", import.meta.url), "utf8");
  assert.equal(source, specInputSource());
});
