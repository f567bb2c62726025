import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FINDING_CODES } from "#inspect";

describe("docs/check.md", () => {
  it("has a section for each code, and for nothing else", () => {
    const page = readFileSync(new URL("../../docs/check.md", import.meta.url), "utf8");
    const sections = [...page.matchAll(/^### (.+)\n\n(.+)$/gm)];
    assert.deepEqual(sections.map(([, code]) => code).sort(), [...FINDING_CODES].sort());
    for (const [, code, text] of sections) assert.ok(text!.length > 40, code);
  });
});
