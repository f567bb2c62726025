import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { deflateRawSync } from "node:zlib";
import { check, thisMachine } from "#app";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { madeImage } from "#testing";
import { writeImage } from "#write";
import { zipFiles } from "../../../../src/front/app/attest/zip.ts";
import { mustRun } from "../../../support/process.ts";
import { python } from "../../../support/python.ts";
import { requires } from "../../../support/systems.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const osv = (id: string, name: string, fixed: string) => ({
  id,
  modified: "2026-01-01T00:00:00Z",
  aliases: ["CVE-2026-1"],
  summary: "It may be told what to do",
  affected: [
    {
      package: { ecosystem: "npm", name },
      ranges: [{ type: "SEMVER", events: [{ introduced: "0" }, { fixed }] }],
    },
  ],
});

/** An image with a package in its base and one on top, and a folder for advisories. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const image = await madeImage([
    { entries: { "opt/node_modules/low/package.json": '{"name":"low","version":"1.0.0"}' } },
    {
      components: ["node_modules/a"],
      entries: { "app/node_modules/a/package.json": '{"name":"a","version":"1.0.0"}' },
    },
  ]);
  const place = `oci:${join(folder, "image")}:1`;
  await writeImage(draftOf(image), [ociLayoutSink({ path: join(folder, "image"), tag: "1" })]);
  const machine = thisMachine({ cache: join(folder, "cache") });
  t.after(() => machine[Symbol.asyncDispose]());
  const write = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
    return join(folder, name);
  };
  return { folder, machine, place, write };
}

describe("an image that is held against advisories", () => {
  it("has errors for what is on its base, whichever way the advisories come", async (t) => {
    const { folder, machine, place, write } = await world(t);
    const all = [osv("G-1", "a", "1.0.1"), osv("G-2", "low", "2.0.0"), osv("G-3", "a", "1.0.0")];
    mkdirSync(join(folder, "many"));
    for (const each of all) write(`many/${each.id}.json`, each);
    write("many/README.md", "no advisory");
    writeFileSync(
      join(folder, "all.zip"),
      zipOf(all.map((each) => [`${each.id}.json`, JSON.stringify(each)])),
    );
    for (const audit of [[write("list.json", all)], [join(folder, "many")], [join(folder, "all.zip")]]) {
      const { findings, errors } = await check(place, { machine, audit });
      assert.deepEqual(
        findings.filter(({ code }) => code === "advisory"),
        [
          {
            ...{
              code: "advisory",
              severity: "error",
              path: "/app/node_modules/a",
              subject: "G-1",
              component: "a",
            },
            message: "a 1.0.0 has G-1, CVE-2026-1: It may be told what to do; 1.0.1 mends it",
            isBase: false,
          },
          {
            ...{
              code: "advisory",
              severity: "error",
              path: "/opt/node_modules/low",
              subject: "G-2",
              component: "low",
            },
            message: "low 1.0.0 has G-2, CVE-2026-1: It may be told what to do; 2.0.0 mends it",
            isBase: true,
          },
        ],
      );
      assert.equal(errors, 1);
    }
    const { findings } = await check(place, { machine });
    assert.deepEqual(findings, []);
  });

  it("has none for what OpenVEX or the spec answers", async (t) => {
    const { folder, machine, place, write } = await world(t);
    const audit = [write("a.json", osv("G-1", "a", "1.0.1"))];
    const vex = write("vex.json", {
      "@context": "https://openvex.dev/ns/v0.2.0",
      statements: [
        { vulnerability: { name: "CVE-2026-1" }, products: [{ "@id": "pkg:npm/a" }], status: "not_affected" },
      ],
    });
    const answered = await check(place, { machine, audit, vex: [vex] });
    assert.deepEqual([answered.findings, answered.errors], [[], 0]);
    assert.deepEqual(
      answered.ignored.map(({ subject, reason }) => [subject, reason]),
      [["G-1", "not affected"]],
    );
    const root = join(folder, "root/opt/node_modules/a");
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, "package.json"), '{"name":"a","version":"1.0.0"}');
    const spec = { name: "app", copyToRoot: join(folder, "root") };
    const rule = { code: "advisory", path: "/opt/node_modules/a", reason: "it isn't called" };
    const asked = await check({ ...spec, check: { ignore: [rule] } }, { machine, audit });
    assert.deepEqual([asked.findings.length, asked.ignored.length, asked.unused.length], [0, 1, 0]);
    const other = await check(
      { ...spec, check: { ignore: [{ ...rule, path: "/elsewhere" }] } },
      { machine, audit },
    );
    assert.deepEqual([other.errors, other.unused.length], [1, 1]);
    // Without advisories nobody knows whether a rule about them is of any use.
    assert.deepEqual((await check({ ...spec, check: { ignore: [rule] } }, { machine })).unused, []);
  });

  it("isn't held against what is none", async (t) => {
    const { machine, place, write } = await world(t);
    const fails = (options: { audit?: string[]; vex?: string[] }, code: string, message: RegExp) =>
      assert.rejects(check(place, { machine, audit: [], ...options }), { code, message });
    await fails({ audit: [write("x.json", {})] }, "INVALID_JSON", /x\.json is no advisory in OSV's format/);
    await fails(
      { audit: [write("x.zip", "PK")] },
      "INVALID_JSON",
      /x\.zip is no archive of advisories.*no end/,
    );
    await fails({ audit: [write("gone.json", "").replace("gone", "none")] }, "NOT_FOUND", /none\.json/);
    await fails({ vex: [write("v.json", {})] }, "INVALID_JSON", /v\.json is no OpenVEX document/);
    const good = zipOf([["a.json", JSON.stringify(osv("G-1", "a", "1"))]]);
    const damaged = write("d.zip", "");
    writeFileSync(damaged, Buffer.from(good).fill(0xff, 40, 60));
    await fails({ audit: [damaged] }, "INVALID_JSON", /a\.json is damaged/);
    const limits = { maxFile: 10, maxList: 1000 };
    const path = write("large.zip", "");
    writeFileSync(path, good);
    assert.throws(() => [...zipFiles(path, limits)], {
      code: "TOO_LARGE",
      message: /a\.json in .*large\.zip has more than 10 bytes/,
    });
  });
});

describe("an archive", () => {
  it("is read as Python writes it, in its form for large files, too", {
    skip: requires("python"),
  }, async (t) => {
    const path = join(await temporaryFolder(t), "all.zip");
    const program = `
import zipfile
with zipfile.ZipFile(${JSON.stringify(path)}, "w", zipfile.ZIP_STORED) as z:
    z.comment = b"PK" * 1000
    z.writestr("folder/", "")
    z.writestr("small.json", "{}")
    z.writestr("large.json", "x" * 100000, zipfile.ZIP_DEFLATED)
    with z.open(zipfile.ZipInfo("forced.json"), "w", force_zip64=True) as f: f.write(b"abc")
`;
    await mustRun([python!, "-c", program]);
    const files = [...zipFiles(path, { maxFile: 1_000_000, maxList: 100_000 })];
    assert.deepEqual(
      files.map(({ name, bytes }) => `${name} ${bytes.length}`),
      ["small.json 2", "large.json 100000", "forced.json 3"],
    );
  });

  it("may have more files than fit in its small form", async (t) => {
    const path = join(await temporaryFolder(t), "all.zip");
    const names = Array.from({ length: 66_000 }, (_, at) => [`${at}.json`, "{}"] as const);
    writeFileSync(path, zipOf(names));
    const files = [...zipFiles(path, { maxFile: 10, maxList: 100_000_000 })];
    assert.equal(files.length, names.length);
    assert.equal(files.at(-1)!.bytes.toString(), "{}");
    assert.throws(() => [...zipFiles(path, { maxFile: 10, maxList: 1000 })], { code: "TOO_LARGE" });
  });
});

/** An archive of files, deflated unless they are small. */
function zipOf(files: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of files) {
    const isSmall = text.length < 10;
    const content = isSmall ? Buffer.from(text) : deflateRawSync(text);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    for (const [buffer, at] of [
      [header, 8],
      [entry, 10],
    ] as const) {
      buffer.writeUInt16LE(isSmall ? 0 : 8, at);
      buffer.writeUInt32LE(content.length, at + 10);
      buffer.writeUInt32LE(Buffer.byteLength(text), at + 14);
      buffer.writeUInt16LE(Buffer.byteLength(name), at + 18);
    }
    entry.writeUInt32LE(offset, 42);
    list.push(entry, Buffer.from(name));
    parts.push(header, Buffer.from(name), content);
    offset += 30 + Buffer.byteLength(name) + content.length;
  }
  const central = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  if (files.length > 0xffff) {
    // What is too large for the end is in one of its own before it, and a pointer to that.
    const large = Buffer.alloc(56 + 20);
    large.writeUInt32LE(0x06064b50);
    for (const [at, value] of [
      [24, files.length],
      [32, files.length],
      [40, central.length],
      [48, offset],
    ] as const)
      large.writeBigUInt64LE(BigInt(value), at);
    large.writeUInt32LE(0x07064b50, 56);
    large.writeBigUInt64LE(BigInt(offset + central.length), 64);
    for (const at of [8, 10]) end.writeUInt16LE(0xffff, at);
    for (const at of [12, 16]) end.writeUInt32LE(0xffffffff, at);
    return Buffer.concat([...parts, central, large, end]);
  }
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
