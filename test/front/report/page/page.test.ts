import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { planImage } from "#plan";
import { checkSpec } from "#spec";
import { escaped, scriptJson } from "../../../../src/front/report/page/html.ts";
import { planPage } from "../../../../src/front/report/page/page.ts";
import { STYLE } from "../../../../src/front/report/page/style.ts";
import { reportPlan } from "../../../../src/front/report/plan/report.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const path = (name: string) => `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`;

async function pageOf(t: TestContext, names: readonly string[], image = "image"): Promise<string> {
  const folder = await temporaryFolder(t);
  const graph = names.map((name) => ({ path: path(name), narSize: 1000 * name.length, references: [] }));
  writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
  const plan = await planImage(checkSpec({ name: "x", graph: `${folder}/graph.json` }), { withSizes: true });
  return planPage({ report: reportPlan(plan, image), graph: plan.graph, images: [] });
}

describe("the page of a plan", () => {
  it("allows its own script and style and nothing else, whatever the names", async (t) => {
    const page = await pageOf(t, ["a-1", "<script>alert(1)<script>-1", "\"'><img onerror=x>-1"], "<b>&'\"");
    const [, script] = /<script>(.*?)<\/script>/s.exec(page)!;
    const [, style] = /<style>(.*?)<\/style>/s.exec(page)!;
    const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const policy = `default-src 'none'; script-src ${hash(script!)}; style-src ${hash(style!)}; base-uri 'none'; form-action 'none'`;
    assert.ok(page.includes(`content="${escaped(policy)}"`));
    assert.equal(page.match(/<script/g)?.length, 2);
    assert.equal(page.includes("<img"), false);
    assert.equal(page.includes("<b>&'"), false);
    assert.doesNotMatch(page, /\sstyle=|\son\w+=["']|https?:/);
  });

  it("holds its data in a script that no text ends, and that reads as it was", () => {
    const value = { text: "</script><!-- & \u2028\u2029 \ud800" };
    const json = scriptJson(value);
    assert.doesNotMatch(json, /[<>&\u2028\u2029]/);
    assert.deepEqual(JSON.parse(json), value);
  });

  it("is the same bytes from whatever order, with marks that turn text made visible", async (t) => {
    const names = ["a-1", "b-2", "\u202egnp.exe-3"];
    const page = await pageOf(t, names);
    assert.equal(await pageOf(t, names.toReversed()), page);
    assert.equal(page.includes("\u202e"), false);
    assert.ok(page.includes("\\u202egnp.exe"));
  });

  it("has text of enough contrast on every colour, in light and in dark", () => {
    const [light, dark] = STYLE.split("prefers-color-scheme: dark");
    for (const part of [light!, dark!]) {
      const colours = new Map(
        [...part.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name!, value!]),
      );
      const pairs = [
        ["ink", "page"],
        ["ink", "panel"],
        ["quiet", "page"],
        ["quiet", "panel"],
        ["accent", "page"],
        ["accent", "panel"],
        ...["heat0", "heat1", "heat2", "heat3", "heat4", "heat5", "unknown"].map((name) => [
          `on-${name}`,
          name,
        ]),
      ] as const;
      for (const [text, ground] of pairs) {
        const ratio = contrast(colours.get(text!)!, colours.get(ground!)!);
        assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio}`);
      }
    }
  });
});

/** WCAG 2.2, "contrast ratio". */
function contrast(a: string, b: string): number {
  const [one, other] = [luminance(a), luminance(b)];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
