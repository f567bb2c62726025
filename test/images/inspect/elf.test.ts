import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
// The room itself doesn't hand it out.
import { PassingElf } from "../../../src/images/inspect/elf/index.ts";
import { type ElfFields, elfFile } from "./support/elf-file.ts";

/** Reads a file that comes in pieces of a length, whose memory is used again. */
function read(file: Buffer, length: number, options: { isAddon?: boolean } = {}) {
  const elf = new PassingElf(file.length);
  for (let at = 0; at < file.length; at += length) {
    const piece = Buffer.from(file.subarray(at, at + length));
    elf.piece(piece);
    if (piece.length < file.length) piece.fill(0xaa);
  }
  return elf.finish(options);
}

const FIELDS: ElfFields = {
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  needed: ["libfirst.so.1", "libc.so.6"],
  soname: "libself.so.2",
  rpath: "$ORIGIN/../lib:/opt/lib",
  runpath: "/srv/lib",
  neededVersions: { "libc.so.6": ["GLIBC_2.38", "GLIBC_2.2.5"], "libfirst.so.1": ["FIRST_1"] },
  versions: ["libself.so.2", "SELF_1.0"],
};

const READ = {
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  needed: ["libfirst.so.1", "libc.so.6"],
  soname: "libself.so.2",
  rpath: ["$ORIGIN/../lib", "/opt/lib"],
  runpath: ["/srv/lib"],
  neededVersions: [
    { file: "libc.so.6", versions: ["GLIBC_2.38", "GLIBC_2.2.5"] },
    { file: "libfirst.so.1", versions: ["FIRST_1"] },
  ],
  versions: ["libself.so.2", "SELF_1.0"],
};

describe("an ELF file that passes by", () => {
  const forms = [
    { bits: 64, machine: 62, isBigEndian: false },
    { bits: 32, machine: 3, isBigEndian: false },
    { bits: 64, machine: 22, isBigEndian: true },
    { bits: 32, machine: 20, isBigEndian: true },
  ] as const;
  for (const form of forms) {
    it(`is read in ${form.bits} bits, ${form.isBigEndian ? "big" : "little"} end first, whatever its pieces are`, () => {
      for (const more of [{}, { gap: 20_000 }, { lead: 10_000 }, { gap: 3_000_000 }]) {
        const file = elfFile({ ...FIELDS, ...form, ...more });
        for (const length of [file.length, 1000, 4096, 4097, 65_536, 1_048_576]) {
          assert.deepEqual(read(file, length), { ...form, type: "shared", ...READ }, `${length}`);
        }
      }
    });
  }

  it("may need nothing, and have no dynamic section", () => {
    const nothing = { needed: [], neededVersions: [], versions: [] };
    const form = { bits: 64, isBigEndian: false, machine: 183 } as const;
    assert.deepEqual(read(elfFile({ machine: 183, type: 2 }), 100), {
      ...form,
      type: "executable",
      ...nothing,
    });
    const object = elfFile({ ...FIELDS, machine: 183, type: 1 });
    assert.equal(read(object, object.length)?.type, "other");
  });

  it("is an addon by the names that it has", () => {
    const addon = (...symbols: string[]) => {
      const file = elfFile({ symbols });
      return read(file, file.length, { isAddon: true })?.addon;
    };
    assert.equal(addon("napi_register_module_v1"), "napi");
    assert.equal(addon("node_register_module_v137"), 137);
    assert.equal(addon("node_register_module_v127", "napi_register_module_v1"), "napi");
    assert.equal(addon("other"), undefined);
  });

  it("is broken if it is cut short, or its header makes no sense", () => {
    const file = elfFile(FIELDS);
    for (const length of [4, 20, 63, 100, file.length - 1]) {
      const cut = file.subarray(0, length);
      assert.equal(read(cut, cut.length), undefined, `${length} bytes`);
    }
    const other = Buffer.from(file);
    other[4] = 7;
    assert.equal(read(other, other.length), undefined);
  });

  it("never fails, whatever its bytes are", () => {
    const file = elfFile({ ...FIELDS, gap: 5000 });
    const changes = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.integer({ min: 64, max: 9000 }), (changes, length) => {
        const changed = Buffer.from(file);
        for (const [at, value] of changes) changed[at] = value;
        read(changed, length);
        read(changed, changed.length);
      }),
      { numRuns: 500 },
    );
  });
});
