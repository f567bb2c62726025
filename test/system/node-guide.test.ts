/**
 * Follows `docs/node.md` and the README as somebody would who never used varve: from a clone to running containers, each
 * command as it stands, one after the other. Packages come from npm's registry; base images are stand-ins on this machine.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { blocksOf, type DocBlock, failureOf } from "../support/doc-blocks.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Newcomer, startNewcomer, writeService } from "./support/newcomer.ts";

/** What a page takes for granted besides a clone, and what is true when it was followed. */
interface Page {
  readonly arrange?: (newcomer: Newcomer) => Promise<unknown>;
  readonly outcome: string;
}

/** Between two versions of the service: how many layers differ. */
const ONE_LAYER_CHANGED = `
  layers() { varve inspect --json "docker://ghcr.io/me/hello:$1" | grep diffId; }
  (diff <(layers 1.0.0) <(layers 1.0.1) || true) | grep -c '^>' | grep -x 1
`;

const PAGES: Readonly<Record<string, Page>> = {
  "docs/node.md": {
    outcome: `${ONE_LAYER_CHANGED}
      for tag in 1.0.0 1.0.1; do varve validate docker://ghcr.io/me/hello:$tag; done
      test -s ../plan.html
      test "$(docker ps --all --quiet | wc -l)" = 0`,
  },
  // It installs varve itself, and has one of the guide's projects.
  "README.md": {
    arrange: async (newcomer) => {
      writeService(newcomer, "hello");
      await newcomer.mustShell("npm uninstall --global varve; cd hello; npm install; npm run build; cd ..");
    },
    outcome: ONE_LAYER_CHANGED,
  },
};

describe("followed from a clone to running containers", {
  skip: requires("root", "docker", "registry", "openssl", "htpasswd", "npm", "network"),
  timeout: 3_600_000,
}, () => {
  const scope = stacked({ after });
  let newcomer: Newcomer;
  before(async () => {
    newcomer = await startNewcomer(scope);
  });

  for (const [page, { arrange, outcome }] of Object.entries(PAGES)) {
    describe(page, { timeout: 1_800_000 }, () => {
      before(async () => {
        newcomer.begin(page);
        await arrange?.(newcomer);
      });

      let failed = false;
      const goOn = (name: string, work: () => Promise<unknown>) =>
        it(name, { timeout: 600_000 }, async (t) => {
          // Each goes on where the one before it ended.
          if (failed) return t.skip("one before it failed");
          failed = true;
          await work();
          failed = false;
        });
      for (const block of blocksOf(page)) {
        if (block.language === "text" || block.notRun !== undefined) continue;
        goOn(`in line ${block.line}`, () => follow(newcomer, block));
      }
      goOn("and what it makes is there", () => newcomer.mustShell(outcome));
    });
  }
});

async function follow(newcomer: Newcomer, { language, path, isFile, text }: DocBlock): Promise<void> {
  if (isFile) {
    newcomer.write(path!, text);
    return;
  }
  assert.equal(language, "sh", "files have their names behind the language");
  const failure = failureOf(text);
  if (failure === undefined) {
    const printed = await newcomer.mustShell(text);
    for (const [, expected] of text.matchAll(/# prints (.+)$/gm))
      assert.ok(printed.includes(expected!), printed);
    return;
  }
  const { code, stderr } = await newcomer.shell(text);
  assert.notEqual(code, 0, text);
  assert.match(stderr, failure);
}
