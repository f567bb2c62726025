import assert from "node:assert/strict";
import { test } from "node:test";
import { VarveError } from "#errors";
import {
  choosePlatform,
  type Descriptor,
  digestOf,
  formatPlatform,
  matchPlatform,
  parsePlatform,
} from "#oci";

test("platforms are read under their usual other names", () => {
  const table: Record<string, string> = {
    "linux/amd64": "linux/amd64",
    "linux/x86_64": "linux/amd64",
    "linux/amd64/v1": "linux/amd64",
    "linux/amd64/v3": "linux/amd64/v3",
    "linux/aarch64": "linux/arm64",
    "linux/arm64/v8": "linux/arm64",
    "linux/arm64/8": "linux/arm64",
    "Linux/ARM64/v9": "linux/arm64/v9",
    "linux/arm": "linux/arm/v7",
    "linux/arm/v6": "linux/arm/v6",
    "linux/armhf": "linux/arm/v7",
    "linux/armel": "linux/arm/v6",
    "linux/i686": "linux/386",
    "linux/riscv64": "linux/riscv64",
    "linux/constructor": "linux/constructor",
  };
  for (const [text, expected] of Object.entries(table))
    assert.equal(formatPlatform(parsePlatform(text)), expected, text);
});

test("a platform that was read is read again, however long its variant is", () => {
  for (const variant of ["0".repeat(63), `v${"x".repeat(63)}`]) {
    const platform = parsePlatform(`linux/arm/${variant}`);
    assert.deepEqual(parsePlatform(formatPlatform(platform)), platform);
  }
  assert.throws(() => parsePlatform(`linux/arm/${"0".repeat(64)}`), { code: "USAGE" });
});

test("what is not a platform is refused", () => {
  for (const text of ["", "linux", "linux/", "/amd64", "linux/a/b/c", "linux/a b", "linux//v7"]) {
    assert.throws(
      () => parsePlatform(text),
      (error) => error instanceof VarveError && error.code === "USAGE",
      text,
    );
  }
});

const entry = (platform: string | undefined, number: number): Descriptor => {
  const [os, architecture, variant] = platform?.split("/") ?? [];
  const digest = digestOf(new Uint8Array([number]));
  const base = { mediaType: "m", digest, size: number };
  return platform === undefined
    ? base
    : { ...base, platform: { os: os!, architecture: architecture!, ...(variant ? { variant } : {}) } };
};
const choose = (platforms: (string | undefined)[], wanted: string) =>
  choosePlatform(platforms.map(entry), { platform: parsePlatform(wanted), what: "the index" }).size;

test("the nearest variant that still runs is chosen, the first of equals", () => {
  assert.equal(choose(["linux/amd64", "linux/arm64/v8"], "linux/aarch64"), 1);
  assert.equal(choose(["linux/arm64"], "linux/arm64/v8"), 0);
  assert.equal(choose(["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v6"), 1);
  assert.equal(choose(["linux/arm/v5", "linux/arm/v6"], "linux/arm"), 1);
  assert.equal(choose(["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v3"), 1);
  assert.equal(choose(["windows/amd64", "linux/amd64", "linux/amd64"], "linux/amd64"), 1);
  assert.equal(matchPlatform(parsePlatform("linux/amd64"), parsePlatform("linux/amd64/v2")), undefined);
});

test("attestations are passed over, and a lone entry without a platform is the image", () => {
  assert.equal(choose(["unknown/unknown", "linux/amd64"], "linux/amd64"), 1);
  assert.equal(choose(["unknown/unknown", undefined], "linux/amd64"), 1);
});

test("a platform that is missing is an error that lists what there is", () => {
  const fails = (platforms: (string | undefined)[], words: RegExp) =>
    assert.throws(
      () => choose(platforms, "linux/arm64"),
      (error) => error instanceof VarveError && error.code === "IMAGE_NOT_FOUND" && words.test(error.message),
    );
  fails(
    ["linux/amd64", "windows/amd64", "unknown/unknown"],
    /linux\/arm64; the platforms it has: linux\/amd64, windows\/amd64$/,
  );
  fails([], /none/);
  fails([undefined, undefined], /not said/);
});
