import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { inheritConfig, mergeEnv } from "#image";

describe("an environment over another", () => {
  it("has one entry a variable: the last value, where the first stood", () => {
    assert.deepEqual(mergeEnv(["PATH=/base", "A=1", "A=2", "EMPTY="], ["B=1", "A=3", "PATH=/own", "B=2"]), [
      "PATH=/own",
      "A=3",
      "EMPTY=",
      "B=2",
    ]);
    assert.deepEqual(mergeEnv(["BARE", "X=a=b"], ["BARE=now", "X"]), ["BARE=now", "X"]);
    assert.deepEqual(mergeEnv([], []), []);
  });

  it("is the same when it is merged again", () => {
    const variable = fc
      .tuple(fc.constantFrom("A", "B", "C", "__proto__", ""), fc.constantFrom("", "=", "=1", "=2=3"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(variable), fc.array(variable), (base, own) => {
        const merged = mergeEnv(base, own);
        assert.deepEqual(mergeEnv(merged, own), merged);
        assert.deepEqual(mergeEnv([], merged), merged);
        for (const entry of merged) assert.ok(base.includes(entry) || own.includes(entry));
      }),
    );
  });
});

describe("a config on a base's", () => {
  const base = {
    Env: ["A=1"],
    Entrypoint: ["/base"],
    Cmd: ["base"],
    User: "base",
    WorkingDir: "/base",
    Labels: { a: "base", b: "base" },
    ExposedPorts: { "80/tcp": {} },
    StopSignal: null,
    Healthcheck: { Test: ["x"] },
  };
  const own = { Env: ["B=2"], Labels: { b: "own" }, User: "own", ExposedPorts: { "81/tcp": {} } };

  it("takes nothing with `none`, and only the environment with `env`", () => {
    assert.deepEqual(inheritConfig(base, own, "none"), own);
    assert.deepEqual(inheritConfig(base, own, "env"), { ...own, Env: ["A=1", "B=2"] });
  });

  it("takes with `all` what isn't set, merges maps, and leaves out what Docker wrote as null", () => {
    assert.deepEqual(inheritConfig(base, own, "all"), {
      Env: ["A=1", "B=2"],
      Entrypoint: ["/base"],
      Cmd: ["base"],
      User: "own",
      WorkingDir: "/base",
      Labels: { a: "base", b: "own" },
      ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
      Healthcheck: { Test: ["x"] },
    });
  });

  it("doesn't hand the base's arguments to another entry point", () => {
    assert.deepEqual(inheritConfig({ Cmd: ["base"] }, { Entrypoint: ["/own"] }, "all"), {
      Entrypoint: ["/own"],
    });
    assert.deepEqual(inheritConfig({ Cmd: ["base"] }, { Entrypoint: ["/own"], Cmd: ["own"] }, "all"), {
      Entrypoint: ["/own"],
      Cmd: ["own"],
    });
    assert.deepEqual(inheritConfig({ Entrypoint: ["/base"], Cmd: ["base"] }, { Cmd: ["own"] }, "all"), {
      Entrypoint: ["/base"],
      Cmd: ["own"],
    });
  });

  it("changes neither of the two", () => {
    const copies = [structuredClone(base), structuredClone(own)];
    inheritConfig(base, own, "all");
    assert.deepEqual([base, own], copies);
  });
});
