import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseChallenges } from "../../../../src/places/registry/auth/challenge.ts";

const read = (...values: string[]) =>
  parseChallenges(values).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

test("one challenge is read with its parameters", () => {
  assert.deepEqual(read('Bearer realm="https://a/t?x=1,2",service=reg , Scope="repository:a:pull,push"'), [
    ["bearer", { realm: "https://a/t?x=1,2", service: "reg", scope: "repository:a:pull,push" }],
  ]);
});

test("several challenges are told apart, in one value and in several", () => {
  const expected = [
    ["negotiate", {}],
    ["ntlm", {}],
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b", x: "y" }],
  ];
  assert.deepEqual(read('Negotiate, NTLM TlRMTVNTUAAB==, Basic realm="a", Bearer realm="b", x=y'), expected);
  assert.deepEqual(read("Negotiate", "NTLM abc", 'basic realm="a"', 'BEARER realm = "b" ,, x="y"'), expected);
});

test("quoted strings keep escapes, and the first of two equal parameters counts", () => {
  assert.deepEqual(read('Basic realm="a\\"b\\\\c", realm="evil"'), [["basic", { realm: 'a"b\\c' }]]);
});

test("what makes no sense ends the reading without an error", () => {
  for (const text of [
    'Bearer realm="open',
    "=",
    "Bearer =x",
    'Bearer realm="a" "b"',
    ",,,",
    "\u0000",
    "Basic realm=",
  ]) {
    assert.ok(Array.isArray(read(text)), text);
  }
  fc.assert(fc.property(fc.array(fc.string()), (values) => Array.isArray(parseChallenges(values))));
  const pieces = fc.constantFrom("Basic", " ", ",", "=", '"', "\\", "realm", "Bearer", "==", "a");
  fc.assert(
    fc.property(fc.array(pieces), (all) => Array.isArray(parseChallenges([all.join("")]))),
    { numRuns: 1000 },
  );
});

test("a long hostile value is read in no time", () => {
  for (const piece of ["a=", 'a="', ",", "a ", "\\", "=", 'x="y",']) read(`Bearer ${piece.repeat(500_000)}`);
});
