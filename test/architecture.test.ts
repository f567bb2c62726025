import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { breaches, type Rules } from "./support/architecture.ts";

/**
 * Who may import whom. A change to this table is a change to the one in docs/architecture.md, on purpose and with its
 * reason. A new room needs a row here.
 */
const RULES: Rules = {
  rooms: {
    errors: ["util"],
    util: ["errors"],
    oci: [],
    tar: [],
    graph: [],
    layering: ["graph"],
    image: ["oci", "tar"],
    fs: ["tar"],
    cache: ["oci"],
    // A layer that scripts make has its digest before anybody measures it.
    customise: ["image", "fs", "tar", "oci"],
    formats: ["image", "oci", "tar"],
    registry: ["image", "oci"],
    daemon: ["formats", "image", "oci"],
    build: ["graph", "layering", "image", "fs", "customise", "cache", "oci", "tar"],
    transports: ["formats", "registry", "daemon", "image", "cache", "oci"],
    // dockerTools' functions name images wherever they are.
    dockertools: [
      ...["build", "graph", "layering", "image", "fs", "formats", "cache", "oci", "tar"],
      "transports",
    ],
    cli: "*",
    // The public API: names from the rooms, nothing of its own.
    index: "*",
  },
  shared: ["errors", "util"],
  withoutFiles: ["tar", "oci", "layering"],
  outer: ["cli"],
  members: { "bin.ts": "cli" },
  exceptions: {
    // Tokens expire, and retries are spread: neither reaches an output, and callers may put their own in place.
    "registry/auth.ts": ["performance.now"],
    "registry/retry.ts": ["Math.random"],
    // Signal 0 only asks whether the process that left a lock, a half-written blob or a folder is still there.
    "util/owner.ts": ["process.kill"],
  },
};

function sources(): Map<string, string> {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  const files = globSync("**/*.ts", { cwd: root }).sort();
  return new Map(files.map((file) => [file, readFileSync(`${root}/${file}`, "utf8")]));
}

describe("the architecture", () => {
  it("is as its table and its rules say", () => {
    const files = sources();
    assert.ok(files.size > 50);
    assert.deepEqual(breaches(files, RULES), []);
  });
});

describe("the architecture's checker", () => {
  /** A small house in order, with the changes of a test. */
  function house(changes: Record<string, string> = {}): string[] {
    const files = {
      "errors.ts": "export class Fault extends Error {}",
      "util/index.ts": 'export { b } from "./bytes.ts";',
      "util/bytes.ts": 'import { Fault } from "../errors.ts"; export const b = () => new Fault();',
      "tar/index.ts": 'export * from "./entry.ts";',
      "tar/entry.ts": 'import { b } from "../util/index.ts"; export const e = b;',
      "fs/index.ts":
        'import { readFile } from "node:fs"; import { e } from "../tar/index.ts"; export { e, readFile };',
      "cli/main.ts": 'import { e } from "../fs/index.ts"; process.stdout.write(String(e) + new Date());',
      "bin.ts": 'const { main } = await import("./cli/main.ts"); process.exit(main());',
      ...changes,
    };
    const rooms = { errors: ["util"], util: ["errors"], tar: [], oci: [], fs: ["tar"], cli: "*" as const };
    return breaches(new Map(Object.entries(files)), {
      ...RULES,
      rooms,
      exceptions: { "oci/dice.ts": ["Math.random"] },
    });
  }
  const finds = (changes: Record<string, string>, wording: RegExp) => {
    const found = house(changes);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, wording);
  };

  it("finds nothing in a house that is in order", () => {
    assert.deepEqual(house(), []);
  });

  it("finds an import that the table doesn't have, whatever its form", () => {
    for (const statement of [
      'import { x } from "../fs/index.ts";',
      'import x from "../fs/index.ts";',
      'import * as x from "../fs/index.ts";',
      'import type { x } from "../fs/index.ts";',
      'import {\n  type x,\n  y,\n} from "../fs/index.ts";',
      'import "../fs/index.ts";',
      "import '../fs/index.ts';",
      'export * from "../fs/index.ts";',
      'export { x } from "../fs/index.ts";',
      'export type { x } from "../fs/index.ts";',
      'const x = await import("../fs/index.ts");',
      "const x = await import(`../fs/index.ts`);",
      'type X = typeof import("../fs/index.ts");',
      'const quote = /"/; import { x } from "../fs/index.ts";',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
      'const text = `"${`//`}`; import { x } from "../fs/index.ts";',
    ]) {
      finds({ "oci/index.ts": statement }, /^oci\/index\.ts: oci may not import fs/);
    }
  });

  it("takes no comment and no text for an import", () => {
    for (const statement of [
      '// import "../fs/index.ts";',
      '/* import "../fs/index.ts"; */',
      "const text = 'import \"../fs/index.ts\";';",
      'const text = `import "../fs/index.ts";`;',
      'const text = "\\"; import \'../fs/index.ts\'";',
    ]) {
      assert.deepEqual(house({ "oci/index.ts": statement }), [], statement);
    }
  });

  it("finds errors or util importing another room", () => {
    finds({ "errors.ts": 'import "./oci/index.ts";', "oci/index.ts": "" }, /errors may not import oci/);
    finds({ "util/bytes.ts": 'import "../oci/index.ts";', "oci/index.ts": "" }, /util may not import oci/);
  });

  it("finds a room that is not in the table", () => {
    finds({ "cellar/index.ts": "" }, /no room cellar/);
    finds({ "stray.ts": "" }, /no room stray/);
  });

  it("finds the file system in a room that has none, in types, too", () => {
    for (const module of ["node:fs", "node:fs/promises", "fs", "fs/promises"]) {
      finds({ "tar/entry.ts": `import { x } from "${module}";` }, /tar touches no file system/);
      finds({ "tar/entry.ts": `import type { x } from "${module}";` }, /tar touches no file system/);
    }
    assert.deepEqual(house({ "tar/entry.ts": 'import { x } from "node:path";' }), []);
  });

  it("finds a circle between rooms, in types, too", () => {
    finds(
      {
        "errors.ts": 'import type { b } from "./util/index.ts";',
      },
      /the rooms errors, util import each other/,
    );
  });

  it("finds a circle between files, but lets types of one room go round", () => {
    const back = { "tar/entry.ts": 'import { y } from "./y.ts"; export const e = 1;' };
    finds({ ...back, "tar/y.ts": 'import { e } from "./entry.ts";' }, /the files tar\/entry\.ts, tar\/y\.ts/);
    finds(
      { ...back, "tar/y.ts": 'import { e } from "./index.ts";' },
      /the files tar\/entry\.ts, tar\/index\.ts, tar\/y\.ts/,
    );
    // Without the word `type` before the braces the import stays when types are stripped.
    finds({ ...back, "tar/y.ts": 'import { type e } from "./entry.ts";' }, /circle/);
    assert.deepEqual(house({ ...back, "tar/y.ts": 'import type { e } from "./entry.ts";' }), []);
  });

  it("finds a folder that isn't entered through its index.ts", () => {
    finds({ "fs/index.ts": 'import { e } from "../tar/entry.ts";' }, /tar is entered through its index\.ts/);
    finds(
      { "fs/index.ts": 'import type { e } from "../tar/entry.ts";' },
      /tar is entered through its index\.ts/,
    );
  });

  it("finds an import of what is not there", () => {
    finds({ "fs/index.ts": 'import { e } from "./gone.ts";' }, /\.\/gone\.ts, which is not there/);
  });

  it("finds uses of streams, environment, clock and chance outside the command line", () => {
    for (const code of [
      "process.stdout.write(x);",
      "process.stderr.write(x);",
      "const { HOME } = process.env;",
      "process\n  .exit(1);",
      "process.exitCode = 1;",
      "use(process.argv);",
      'process["env"];',
      "const { env } = process;",
      'import process from "node:process";',
      "console.log(x);",
      "const t = Date.now();",
      "const t = new Date();",
      "const t = new Date( );",
      "const t = new Date;",
      "const t = Date();",
      "const t = performance.now();",
      "const x = Math.random();",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
      "const text = `${process.env.HOME}`;",
    ]) {
      finds({ "fs/index.ts": code }, /^fs\/index\.ts: only cli may/);
    }
    for (const code of [
      "const t = new Date(0);",
      "const t = new Date(text);",
      "function f(now: Date) {}",
      "process.pid;",
      "process.once(name, f);",
      "// console.log(process.env)",
      'const text = "process.env";',
      "const text = `console`;",
    ]) {
      assert.deepEqual(house({ "fs/index.ts": code }), [], code);
    }
  });

  it("lets a file use what it is an exception for, and no more", () => {
    assert.deepEqual(house({ "oci/dice.ts": "const x = Math.random();" }), []);
    finds({ "oci/dice.ts": "const x = Math.random() + Date.now();" }, /may use Date\.now/);
  });
});
