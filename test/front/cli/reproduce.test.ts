/** `varve build --reproduce`: whether an image is made again to the byte, and if not, what differs. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { seededBytes } from "../../support/drafts.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

describe("an image that is to be made again", () => {
  const scope = stacked({ after });
  let cwd: string;

  before(async () => {
    cwd = await temporaryFolder(scope);
    await mkdir(join(cwd, "tree"));
  });
  beforeEach(async () => {
    await writeFile(join(cwd, "tree/file"), "one\n");
    await write({});
  });

  const write = (fields: object) =>
    writeFile(
      join(cwd, "spec.json"),
      JSON.stringify({ name: "app", tag: "1", copyToRoot: ["tree"], ...fields }),
    );
  const build = async (place: string, ...options: string[]) => {
    const { code, stderr } = await varve(["build", "spec.json", "--quiet", "--output", place, ...options], {
      cwd,
    });
    assert.equal(code, 0, stderr);
  };
  const reproduce = async (place: string, ...options: string[]) => {
    const { code, stdout, stderr } = await varve(["build", "spec.json", "--reproduce", place, ...options], {
      cwd,
    });
    return { code, lines: stdout.toString().trimEnd().split("\n"), stderr };
  };

  it("is told to be the same, whatever it was compressed by", async () => {
    for (const compression of [
      [],
      ["--compression", "zstd:9"],
      ["--compression", "zstd:chunked"],
      ["--compression", "none"],
    ]) {
      await build("oci:same", ...compression);
      const { code, lines } = await reproduce("oci:same");
      assert.equal(code, 0);
      assert.match(lines.join("\n"), /^oci:same is what this machine makes, too: sha256:[0-9a-f]{64}$/);
    }
  });

  it("names the layer whose files are others", async () => {
    await build("oci:files");
    await writeFile(join(cwd, "tree/file"), "two\n");
    const { code, lines, stderr } = await reproduce("oci:files");
    assert.equal(code, 1);
    assert.match(
      lines.join("\n"),
      /but this machine makes sha256:.*\n {2}layer 1 has other files\nvarve compare says/,
    );
    assert.match(stderr, /^Error: oci:files isn't what this machine makes$/m);
  });

  it("names what in the config is another", async () => {
    await build("oci:config");
    await write({ labels: { a: "b" }, config: { Cmd: ["x"] } });
    const { lines } = await reproduce("oci:config");
    assert.deepEqual(lines.slice(1), ["  its config has another Cmd, Labels"]);
  });

  it("names the two compressors where only they differ", async () => {
    await writeFile(join(cwd, "tree/file"), seededBytes("x", 100_000).toString("hex"));
    await build("oci:compressed", "--compression", "gzip:1");
    const { code, lines } = await reproduce("oci:compressed", "--compression", "gzip:9");
    assert.equal(code, 1);
    assert.match(
      lines[1]!,
      /^ {2}1 layer has the same files, but were compressed by gzip:1 zlib \S+, and are by gzip:9 zlib \S+ here$/,
    );
  });

  it("is told as JSON", async () => {
    await build("oci:json");
    const same = JSON.parse((await reproduce("oci:json", "--json")).lines.join(""));
    assert.deepEqual([same.same, same.recompressed, same.differences], [true, [], []]);
    await write({ labels: { a: "b" } });
    const other = JSON.parse((await reproduce("oci:json", "--json")).lines.join(""));
    assert.deepEqual([other.same, other.differences], [false, [{ kind: "config", names: ["Labels"] }]]);
  });

  it("leaves the spec's lock file as it is", async () => {
    await write({ lockFile: "lock.json" });
    await build("oci:lock");
    await writeFile(join(cwd, "lock.json"), (await readFile(join(cwd, "lock.json"), "utf8")).trimEnd());
    const locked = await readFile(join(cwd, "lock.json"), "utf8");
    await reproduce("oci:lock");
    assert.equal(await readFile(join(cwd, "lock.json"), "utf8"), locked);
  });

  it("must have a manifest", async () => {
    await build("docker-archive:plain.tar");
    const { code, stderr } = await reproduce("docker-archive:plain.tar");
    assert.equal(code, 2);
    assert.match(stderr, /docker-archive:plain.tar has no manifest that could be made again/);
  });
});
