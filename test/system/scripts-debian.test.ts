import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { make, VIEWS } from "../layers/sandbox/sandboxes.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { debianTree } from "./support/debian.ts";

describe("a script on a base of Debian's files", { skip: requires("sandboxes") }, () => {
  const scope = stacked({ after });

  it("adds a user with useradd, whoever runs it", async () => {
    const folder = await temporaryFolder(scope);
    const tree = join(folder, "debian");
    await debianTree(tree);
    const base = join(folder, "debian.tar");
    await mustRun(["tar", "-C", tree, "--sort=name", "--numeric-owner", "--format=posix", "-cf", base, "."]);
    const steps = { runAsRoot: "useradd --create-home --uid 1234 jane\nid jane\nls -ld /home/jane" };
    const made = [];
    for (const way of VIEWS) made.push(await make(folder, way, { base, steps }));
    for (const { code, message, output, entries } of made) {
      assert.equal(code, undefined, `${message}\n${output.join("\n")}`);
      assert.equal(output[0], "runAsRoot stdout uid=1234(jane) gid=1234(jane) groups=1234(jane)");
      const home = entries.find(({ name }) => name === "home/jane");
      assert.deepEqual([home?.uid, home?.gid], [1234, 1234]);
      for (const name of ["etc/passwd", "etc/shadow", "etc/group"]) {
        assert.ok(
          entries.some((entry) => entry.name === name),
          name,
        );
      }
    }
    const [asRoot, ...asUsers] = made.map(({ entries }) =>
      entries.map(({ name, uid, gid, mode }) => ({ name, uid, gid, mode })),
    );
    for (const asUser of asUsers) assert.deepEqual(asUser, asRoot);
  });
});
