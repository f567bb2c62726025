/**
 * Takes the picture in the README: of the page that `varve plan --html` makes for the project in a folder, after a build of
 * `dist/`, with Debian's Chromium.
 *
 *     node scripts/picture.ts FOLDER docs/plan.png
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startChromium } from "../test/system/support/chromium.ts";

const [project, picture] = process.argv.slice(2);
if (project === undefined || picture === undefined) {
  console.error("usage: node scripts/picture.ts FOLDER FILE");
  process.exit(2);
}
await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "varve-picture-"));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const page = join(folder, "plan.html");
const varve = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
const options = ["--omit", "dev", "--html", page];
execFileSync(process.execPath, [varve, "plan", project, ...options], { stdio: "inherit" });
const browser = await startChromium({ after: (cleanup) => stack.defer(cleanup) });
const shown = await browser.open(pathToFileURL(page).href, { width: 960, height: 760 });
// The map of layers, with what its colours mean.
await shown.evaluate(
  "[...document.querySelectorAll('h2')].find((e) => e.textContent === 'Layers').scrollIntoView()",
);
await shown.screenshot(picture);
