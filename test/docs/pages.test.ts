import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { cliPage, specPage } from "../../scripts/docs-pages.ts";

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

it("docs/cli.md is what the commands say of themselves (npm run docs writes it)", async () => {
  assert.equal(page("cli.md"), await cliPage());
});

it("docs/spec.md is what the spec's schema says (npm run docs writes it)", () => {
  assert.equal(page("spec.md"), specPage());
});
