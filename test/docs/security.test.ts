import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/security.md", root), "utf8");

describe("docs/security.md", () => {
  it("names tests that there are", () => {
    const named = [...page.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file!);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((file) => !existsSync(new URL(file, root))),
      [],
    );
  });

  it("names a test for everything that it promises", () => {
    // Each section of promises is a list; in that of the scripts the whole list has one line.
    const promises = page.split(/^(?=- \*\*)/m).slice(1);
    assert.ok(promises.length > 15);
    for (const promise of promises) assert.match(promise, /Tested by: `test\//, promise);
    assert.match(/^## Scripts$.*?(?=^## )/ms.exec(page)?.[0] ?? "", /^Tested by: `test\//m);
  });

  it("is linked to from where people begin", () => {
    for (const file of ["README.md", "CONTRIBUTING.md", "SECURITY.md"]) {
      assert.match(readFileSync(new URL(file, root), "utf8"), /\]\(docs\/security\.md\)/, file);
    }
  });
});
