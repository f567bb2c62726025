import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { writeTree } from "../support/tree.ts";
import { type Browser, type BrowserPage, startChromium } from "./support/chromium.ts";
import { Images } from "./support/images.ts";

const HOSTILE = '<img src=x onerror="document.title=1">\'&amp;-1';

describe("the page of varve plan, in Chromium", { skip: requires("chromium") }, () => {
  const scope = stacked({ after });
  let browser: Browser;
  let url: string;

  before(async () => {
    const folder = await temporaryFolder(scope);
    const images = new Images(folder);
    const component = (name: string, size: number, ...references: string[]) => {
      writeTree(`${folder}/${name}`, { dir: { data: { file: size } } });
      return { path: `${folder}/${name}`, references: references.map((each) => `${folder}/${each}`) };
    };
    const base = [
      component("libc-2", 900_000),
      component("data-1", 600_000),
      component("lib-1", 200_000, "libc-2"),
      component(HOSTILE, 90_000, "libc-2"),
      component("\u202egnp.exe-1", 80_000, "libc-2"),
      component("שלום-1", 70_000, "libc-2"),
      component("</script><script>document.title=2</script>-1".replaceAll("/", "\u2215"), 50_000),
    ];
    const graphs = {
      "1": [...base, component("leaf-1", 100_000), component("app-1", 300_000, "lib-1", "leaf-1")],
      "2": [...base, component("leaf-2", 100_000), component("app-2", 300_000, "lib-1", "leaf-2")],
    };
    for (const [tag, graph] of Object.entries(graphs)) {
      await writeFile(`${folder}/graph-${tag}.json`, JSON.stringify(graph));
      const spec = { name: "shop", tag, graph: `graph-${tag}.json`, maxLayers: 6 };
      await writeFile(`${folder}/spec-${tag}.json`, JSON.stringify(spec));
    }
    await images.varve(["build", `${folder}/spec-1.json`, "--quiet", "-o", `oci:${folder}/last:1`]);
    const page = `${folder}/plan.html`;
    const against = `oci:${folder}/last:1`;
    await images.varve(["plan", `${folder}/spec-2.json`, "--against", against, "--html", page]);
    url = pathToFileURL(page).href;
    browser = await startChromium(scope);
  });

  const opened = (look?: Parameters<Browser["open"]>[1]) => browser.open(url, look);
  const focused = (page: BrowserPage) =>
    page.evaluate<string>(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent",
    );
  const visible = (page: BrowserPage, selector: string) =>
    page.evaluate<boolean>(`document.querySelector(${JSON.stringify(selector)}).checkVisibility()`);
  const choose = (page: BrowserPage, select: string, value: string) =>
    page.evaluate(
      `(() => { const e = document.getElementById("${select}"); e.value = [...e.options].find(({ text }) => text.includes("${value}")).value; e.dispatchEvent(new Event("change")); })()`,
    );
  const texts = (page: BrowserPage, selector: string) =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent)`,
    );

  it("asks the network for nothing, and is stopped by none of its names", async () => {
    const page = await opened();
    assert.deepEqual(page.requests, [url]);
    assert.deepEqual(page.complaints, []);
    assert.equal(await page.evaluate("document.title"), "Layers of shop:2");
    assert.equal(await page.evaluate("document.querySelectorAll('img, script').length"), 2);
    const rows = await texts(page, ".layers:first-of-type tbody tr");
    assert.ok(rows.length >= 5);
    // Its policy lets nothing in, not even by a script of its own.
    const refused = await page.evaluate(
      `new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI));
        document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/x" }));
      })`,
    );
    assert.equal(refused, "http://127.0.0.1:9/x");
  });

  it("opens a layer by a click, with its components and their references both ways", async () => {
    const page = await opened();
    assert.equal(await visible(page, "#details"), false);
    const tile = ".tile[data-view='0'][aria-label*='libc-2']";
    await page.click(tile);
    assert.equal(await visible(page, "#details"), true);
    assert.equal(
      await page.evaluate(`document.querySelector("${tile}").getAttribute("aria-expanded")`),
      "true",
    );
    assert.match(await focused(page), /^Layer \d of steady: \d+ kB$/);
    assert.match((await texts(page, "#details-body p"))[0]!, /of updates touch it, by a change of libc/);
    await page.click("#details-body button[aria-expanded]");
    const lists = await texts(page, "#details-body .refs");
    assert.match(lists[0]!, /NeedsnothingNeeded by/);
    assert.match(lists[0]!, /lib-1 \(layer \d\)/);
    assert.ok(lists[0]!.includes(HOSTILE));
    assert.ok(lists[0]!.includes("\\u202egnp.exe-1"));
    // A reference leads to the layer that it is in, with what that component needs.
    await page.evaluate(
      "[...document.querySelectorAll('.refs button')].find(({ textContent }) => textContent === 'lib-1').click()",
    );
    assert.equal(await focused(page), "lib-1");
    const own = await page.evaluate<string>(
      "document.activeElement.closest('tr').nextElementSibling.textContent",
    );
    assert.match(own, /^Needslibc-2 \(layer \d\)Needed byapp-2 \(layer \d\)$/);
    await page.click(tile);
    await page.click(tile);
    assert.equal(await visible(page, "#details"), false);
    assert.deepEqual(page.complaints, []);
  });

  it("works by keyboard alone", async () => {
    const page = await opened();
    const order: string[] = [];
    for (let tab = 0; tab < 3; tab++) {
      await page.press("Tab");
      order.push(
        await page.evaluate("document.activeElement.id || document.activeElement.className.split(' ')[0]"),
      );
    }
    // One tile is in the order of Tab; from there the arrows lead.
    assert.deepEqual(order, ["left", "right", "tile"]);
    const seen = new Set([await focused(page)]);
    await page.press("End");
    seen.add(await focused(page));
    await page.press("Home");
    const count = await page.evaluate<number>("document.querySelectorAll('.tile[data-view=\"0\"]').length");
    assert.equal(
      await page.evaluate('document.querySelectorAll(\'.tile[data-view="0"][tabindex="0"]\').length'),
      1,
    );
    // The largest is at the left; everything else is right of it or below.
    for (const key of [
      "ArrowRight",
      "ArrowDown",
      "ArrowRight",
      "ArrowDown",
      "ArrowLeft",
      "ArrowUp",
      "ArrowRight",
      "ArrowUp",
    ]) {
      await page.press(key);
      seen.add(await focused(page));
    }
    assert.ok(seen.size >= Math.min(count, 4), [...seen].join("\n"));
    const tile = await focused(page);
    await page.press("Enter");
    assert.equal(await visible(page, "#details"), true);
    assert.match(await focused(page), /^Layer /);
    await page.press("Tab");
    await page.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.getAttribute('aria-expanded')"), "true");
    await page.press("Escape");
    assert.equal(await visible(page, "#details"), false);
    assert.equal(await focused(page), tile);
    // What has the focus shows it.
    assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none");
  });

  it("shows two strategies, or the plan and an image, side by side with what moved", async () => {
    const page = await opened();
    assert.equal(await visible(page, "#moved"), false);
    await choose(page, "right", "last");
    assert.equal(await visible(page, ".view[data-view='0']"), true);
    const [summary] = await texts(page, "#moved-body p");
    assert.match(summary!, /^Of 9 components: 2 changed\./);
    const rows = await texts(page, "#moved-body tbody tr");
    assert.equal(rows.length, 2);
    assert.match(rows[0]!, /^app-1/);
    assert.match(rows.join(), /leaf-\d/);
    const boxes = await page.evaluate<number[][]>(
      "[...document.querySelectorAll('.view')].filter((e) => e.checkVisibility()).map((e) => [e.getBoundingClientRect().left, e.getBoundingClientRect().top])",
    );
    assert.equal(boxes.length, 2);
    assert.ok(boxes[0]![0]! < boxes[1]![0]! && boxes[0]![1] === boxes[1]![1]);
    const badges = await texts(page, ".view[data-view='0'] .badge:not([hidden])");
    assert.equal(
      badges.map((text) => Number(text.slice(1))).reduce((sum, each) => sum + each, 0),
      2,
    );

    await choose(page, "right", "popularity");
    assert.match((await texts(page, "#moved-body p"))[0]!, /^Of 9 components: \d moved\./);
    await choose(page, "right", "nothing");
    assert.equal(await visible(page, "#moved"), false);
    assert.deepEqual(await texts(page, ".badge:not([hidden])"), []);
    assert.deepEqual(page.complaints, []);
  });

  it("fits a narrow window, changes to dark, and prints the maps and tables without the controls", async () => {
    const page = await opened({ width: 390, height: 800 });
    await choose(page, "right", "popularity");
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= 390"));
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.equal(await ground(), "rgb(255, 255, 255)");
    await page.look({ width: 1280, height: 800, scheme: "dark", media: "screen" });
    assert.equal(await ground(), "rgb(20, 23, 27)");
    await page.look({ width: 800, height: 1100, scheme: "light", media: "print" });
    assert.equal(await visible(page, "#controls"), false);
    assert.equal(await visible(page, ".map"), true);
    assert.equal(await visible(page, ".layers"), true);
    assert.equal(
      await page.evaluate("getComputedStyle(document.querySelector('.tile')).printColorAdjust"),
      "exact",
    );
  });

  it("shows the text of a tile that is too small for it, by pointer and by keyboard, within a window of 500 pixels", async () => {
    const page = await opened({ width: 500, height: 900 });
    const shown = () =>
      page.evaluate<{ text: string; left: number; right: number }[]>(
        `[...document.querySelectorAll(".tip")].filter((e) => e.checkVisibility()).map((e) => {
          const { left, right } = e.getBoundingClientRect();
          return { text: e.textContent, left, right };
        })`,
      );
    assert.deepEqual(await shown(), []);
    const count = await page.evaluate<number>("document.querySelectorAll('.tile[data-view=\"0\"]').length");
    await page.press("Tab");
    await page.press("Tab");
    await page.press("Tab");
    const seen = new Set<string>();
    for (const key of ["End", "ArrowLeft", "ArrowUp", "ArrowLeft", "Home", "ArrowRight", "ArrowDown"]) {
      await page.press(key);
      const label = await focused(page);
      for (const { text, left, right } of await shown()) {
        assert.ok(left >= 0 && right <= 500, `${text}: ${left} to ${right}`);
        assert.ok(label.startsWith(`Layer ${text.split(" ")[0]}`), `${label}: ${text}`);
        seen.add(text);
      }
    }
    assert.ok(seen.size > 0 && seen.size <= count, [...seen].join("\n"));
    await choose(page, "right", "last");
    await page.evaluate("document.querySelector('.tile').click()");
    // A heading that is broken within a word is higher than one line.
    const [bytes, layers] = await page.evaluate<number[]>(
      "[...document.querySelectorAll('.updates thead th')].slice(1, 3).map((e) => e.firstChild && (() => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length; })())",
    );
    assert.deepEqual([bytes, layers], [1, 1]);
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= 500"));
  });

  it("names every control, and has no tile without a name of its own", async () => {
    const page = await opened();
    const unnamed = await page.evaluate<number>(
      "[...document.querySelectorAll('button, select')].filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).length",
    );
    assert.equal(unnamed, 0);
    const names = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.tile[data-view=\"0\"]')].map((e) => e.ariaLabel)",
    );
    assert.equal(new Set(names).size, names.length);
    const twice = await page.evaluate<number>(
      "(() => { const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id); return ids.length - new Set(ids).size; })()",
    );
    assert.equal(twice, 0);
  });
});
