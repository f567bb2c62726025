import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { thisMachine } from "#app";
import { pullImage } from "#dockertools";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { madeImage } from "#testing";
import { Transports } from "#transports";
import { writeImage } from "#write";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtVarve as varve } from "../support/varve.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

describe("varve pull with an expected hash", { skip: requires("registry") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let registry: Registry;
  let digest: string;
  const pull = (...args: string[]) => varve(["pull", ...args], { cwd: folder });

  before(async () => {
    folder = await temporaryFolder(scope);
    registry = await startRegistry(scope);
    const image = await madeImage([{ entries: { a: "1" } }, { entries: { b: "2" }, gzip: 9 }]);
    const [written] = await writeImage(draftOf(image), [
      ociLayoutSink({ path: join(folder, "layout"), tag: "1" }),
    ]);
    digest = written!.descriptor.digest;
    const pushed = await varve(["push", "oci:layout:1", `${registry.host}/app:1`], { cwd: folder });
    assert.equal(pushed.code, 0, pushed.stderr);
  });

  it("writes the same archive each time, under the final name, where the hash is right", async () => {
    const archive = async (file: string, ...args: string[]) => {
      const { code, stderr } = await pull(...args, `docker-archive:${file}:final:tag`);
      assert.equal(code, 0, stderr);
      return await readFile(join(folder, file));
    };
    const first = await archive("first.tar", `${registry.host}/app@${digest}`);
    const hash = createHash("sha256").update(first).digest();
    for (const [index, form] of [
      `sha256-${hash.toString("base64")}`,
      `sha256:${hash.toString("hex")}`,
    ].entries()) {
      const options = ["--digest", digest, "--expect-hash", form];
      assert.deepEqual(await archive(`again-${index}.tar`, `${registry.host}/app`, ...options), first);
    }
    assert.match(first.toString("latin1"), /"RepoTags":\["final:tag"\]/);
  });

  it("has a counterpart for programs, which gives the same bytes and checks them as well", async () => {
    const { code, stderr } = await pull(`${registry.host}/app@${digest}`, "docker-archive:same.tar:mine:1");
    assert.equal(code, 0, stderr);
    const expected = await readFile(join(folder, "same.tar"));
    await using transports = new Transports({ env: {}, home: folder });
    const args = {
      ...{
        imageName: `${registry.host}/app`,
        imageDigest: digest,
        finalImageName: "mine",
        finalImageTag: "1",
      },
      hash: createHash("sha256").update(expected).digest("hex"),
    };
    const bytes = async (hash: string) => {
      const chunks: Buffer[] = [];
      const options = { machine: { ...thisMachine({ cache: false }), transports } };
      for await (const chunk of pullImage({ ...args, hash }, options)) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    };
    assert.ok(expected.equals(await bytes(args.hash)));
    await assert.rejects(bytes("0".repeat(64)), { code: "DIGEST_MISMATCH" });
    await assert.rejects(bytes("md5:1"), { code: "USAGE", message: /md5:1 is no SHA-256/ });
  });

  it("writes nothing where the hash is another, and says both", async () => {
    const wrong = `sha256-${"A".repeat(43)}=`;
    const { code, stderr } = await pull(
      `${registry.host}/app@${digest}`,
      "wrong.tar",
      "--expect-hash",
      wrong,
    );
    assert.equal(code, 1);
    assert.match(stderr, /^Error: wrong\.tar should have the hash sha256-A{43}=, but would have sha256-/m);
    assert.equal(existsSync(join(folder, "wrong.tar")), false);
  });

  it("refuses places that are no file, and two digests", async () => {
    const hash = `sha256-${"A".repeat(43)}=`;
    const layout = await pull(`${registry.host}/app:1`, "oci:other", "--expect-hash", hash);
    assert.equal(layout.code, 2);
    assert.match(layout.stderr, /oci:other is no file that has a hash/);
    const other = `sha256:${"0".repeat(64)}`;
    const twice = await pull(`${registry.host}/app@${digest}`, "x.tar", "--digest", other);
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /another digest/);
  });
});
