import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeCapabilities } from "#root";
import { decodeName, encodeName } from "#util";
import { decodeCapabilities } from "../../../src/layers/root/capabilities.ts";

const hexOf = (text: string) => encodeName(encodeCapabilities(text)).toString("hex");

describe("file capabilities", () => {
  // What setcap(8) of libcap 2.66 wrote, as getfattr(1) shows it.
  for (const [text, hex] of [
    ["cap_net_raw+ep", "0100000200200000000000000000000000000000"],
    ["cap_net_raw=p", "0000000200200000000000000000000000000000"],
    ["cap_setuid,cap_setgid=ep", "01000002c0000000000000000000000000000000"],
    ["cap_net_bind_service=eip", "0100000200040000000400000000000000000000"],
    ["cap_bpf+ep", "0100000200000000000000008000000000000000"],
    ["cap_wake_alarm=i", "0000000200000000000000000000000008000000"],
    ["cap_chown=ep cap_kill+ep", "0100000221000000000000000000000000000000"],
    ["CAP_CHOWN=ep", "0100000201000000000000000000000000000000"],
    ["all=ep", "01000002ffffffff00000000ff01000000000000"],
    ["=ep cap_chown-ep", "01000002feffffff00000000ff01000000000000"],
  ] as const) {
    it(`${text} is what the kernel takes it for`, () => {
      assert.equal(hexOf(text), hex);
    });

    if (text.startsWith("all") || text.startsWith("=")) continue;
    it(`${text} is told of what the kernel has`, () => {
      const told = decodeCapabilities(encodeCapabilities(text));
      assert.match(told!, /^cap_[a-z_,]+=[eip]+( cap_[a-z_,]+=[eip]+)*$/);
      assert.equal(hexOf(told!), hex);
    });
  }

  it("aren't told of what setcap can't set", () => {
    for (const hex of [
      "",
      "0100000300200000000000000000000000000000",
      "0100000200000000000000000000000000000080",
    ]) {
      assert.equal(decodeCapabilities(decodeName(Buffer.from(hex, "hex"))), undefined, hex);
    }
  });

  it("are refused with INVALID_SPEC when no file can have them", () => {
    for (const text of [
      "",
      "cap_nothing+ep",
      "net_raw+ep",
      "cap_net_raw",
      "cap_net_raw+x",
      "+ep",
      "cap_chown+e",
      "cap_chown=",
      "cap_chown=ep cap_kill=p",
    ]) {
      assert.throws(() => encodeCapabilities(text), { code: "INVALID_SPEC", message: /setcap/ }, text);
    }
  });
});
