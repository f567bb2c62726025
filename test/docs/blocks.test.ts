import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blocksOf, documentedPages } from "../support/doc-blocks.ts";

const blocks = documentedPages().flatMap(blocksOf);

describe("the documentation's code blocks", () => {
  it("say what they are, so that test/system/docs.test.ts can run them", () => {
    const known = ["sh", "ts", "json", "nix", "text"];
    const unknown = blocks.filter(({ language, isFile }) => !known.includes(language) && !isFile);
    assert.deepEqual(unknown, [], "what is to be read only is text");
  });

  it("are run, but for these", () => {
    const notRun = blocks.filter((block) => block.notRun !== undefined);
    assert.deepEqual(
      notRun.map(({ file, text, notRun: why }) => [file, text.split("\n")[0]!.split("  ")[0], why]),
      [
        ["CONTRIBUTING.md", "scripts/check", "it is what runs the tests, this one among them"],
        ["README.md", "scripts/demo", "it is what runs the tests, this one among them"],
        [
          "docs/attest.md",
          "cosign verify --key my.pub --insecure-ignore-tlog ghcr.io/me/attested:1",
          "cosign isn't there",
        ],
        [
          "docs/attest.md",
          "varve sign ghcr.io/me/app:1",
          "it needs somebody's identity, and the public services",
        ],
        [
          "docs/engines.md",
          "varve serve . --watch",
          "one program of these has no end, and others need engines that are only examples",
        ],
        [
          "docs/engines.md",
          "varve build . --output oci-archive:hello.tar",
          "it takes a cluster; test/peers/kind.test.ts does the same",
        ],
        [
          "docs/engines.md",
          "varve serve . --watch --listen 172.18.0.1:5000",
          "it takes a cluster, and the first of these has no end; test/peers/kind.test.ts does the same",
        ],
        [
          "docs/platforms.md",
          "varve build --platform linux/arm64 --push registry.example/me/app:1",
          "it pushes to a registry that is only an example",
        ],
        [
          "docs/platforms.md",
          "varve index create registry.example/me/app:1 registry.example/me/app:1-amd64 registry.example/me/app:1-arm64 \\",
          "its images are only examples",
        ],
      ],
    );
  });

  it("that are a file's content come after its name", () => {
    const nameless = blocks.filter(({ language, path }) => language === "json" && path === undefined);
    assert.deepEqual(nameless, []);
    // What stands behind the language isn't shown to those who read.
    const unsaid = blocks.filter(({ isFile, path, before }) => isFile && !before.includes(`\`${path}\``));
    assert.deepEqual(unsaid, []);
  });
});
