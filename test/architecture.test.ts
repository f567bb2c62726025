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
  wings: {
    sources: ["graph", "install", "spec", "project"],
    layers: ["layering", "plan", "fs", "cache", "measure", "root", "sandbox", "draft", "jobs", "relayer"],
    images: [
      ...[
        "oci",
        "tar",
        "image",
        "compress",
        "write",
        "flatten",
        "referrers",
        "compare",
        "inspect",
        "packages",
        "attest",
      ],
    ],
    places: ["formats", "registry", "serve", "daemon", "transports"],
    front: ["app", "dockertools", "report", "library", "testing", "cli"],
  },
  rooms: {
    errors: ["util"],
    util: ["errors"],
    // What it is made of.
    graph: [],
    // A project's packages for another platform.
    install: ["graph"],
    spec: [],
    // A Node.js project's folder becomes a spec.
    project: ["graph", "spec"],
    // How it is shared out.
    layering: ["graph"],
    // Whether a base has a store path already is told by its tree.
    plan: ["graph", "layering", "spec", "flatten", "fs", "tar", "image", "cache"],
    // How it becomes bytes.
    fs: ["tar"],
    cache: ["oci"],
    measure: ["fs", "tar", "image", "cache", "oci"],
    root: ["fs", "tar", "oci"],
    // A layer that scripts make has its digest before anybody measures it.
    sandbox: ["root", "write", "image", "fs", "tar", "oci"],
    draft: [
      ...["spec", "plan", "measure", "root", "sandbox", "flatten", "write", "image", "layering", "graph"],
      ...["cache", "fs", "tar", "oci"],
    ],
    // Layers as work for other machines: plain data, with hashes of what goes in.
    jobs: ["fs", "cache"],
    // An image's root shared out anew.
    relayer: ["packages", "flatten", "write", "image", "layering", "graph", "oci", "tar"],
    // What an image is, and what is done with it.
    oci: [],
    tar: [],
    image: ["oci"],
    // zstd:chunked lists what is in the archive.
    compress: ["tar"],
    write: ["image", "compress", "oci", "tar"],
    flatten: ["image", "compress", "oci", "tar"],
    // What hangs on an image.
    referrers: ["write", "image", "oci"],
    compare: ["image", "compress", "oci", "tar", "flatten"],
    inspect: ["image", "compress", "oci", "tar", "flatten"],
    packages: ["flatten", "image"],
    // What is said of an image. The graph knows exactly what an image's files only hint at.
    attest: ["graph", "packages", "flatten", "image", "oci"],
    // Where it goes.
    formats: ["referrers", "write", "image", "compress", "oci", "tar"],
    registry: ["referrers", "write", "image", "compress", "oci", "tar"],
    // A registry that can only be read.
    serve: ["write", "oci"],
    // What an engine pulls from varve is served to it.
    daemon: ["formats", "serve", "write", "image", "oci"],
    transports: [
      ...["formats", "registry", "daemon", "referrers", "write", "image", "compress", "cache", "oci"],
    ],
    // Who asks. The application alone knows both what makes an image and the places where it goes.
    app: [
      ...["draft", "plan", "spec", "project", "install", "graph", "layering", "sandbox", "transports"],
      // What images that are made together have in common: listings, and layers that are being measured.
      ...["measure", "fs", "jobs"],
      ...[
        "registry",
        "serve",
        "formats",
        "report",
        "compare",
        "inspect",
        "relayer",
        "packages",
        "attest",
        "flatten",
        "referrers",
        "write",
        "compress",
        "image",
        "cache",
        "oci",
      ],
    ],
    dockertools: [
      ...["app", "draft", "plan", "spec", "measure", "layering", "graph", "flatten", "formats", "write"],
      ...["compress", "image", "cache", "fs", "tar", "oci"],
    ],
    report: ["compare", "plan", "layering", "graph", "image", "oci"],
    // What programs get in another form than commands: no chunk that leaves is lent.
    library: ["app", "formats", "write", "image"],
    // A registry and images in memory, for tests: varve's own, and those of programs that use it.
    testing: ["serve", "image", "oci", "tar"],
    cli: "*",
    // The public API: names from the rooms, nothing of its own.
    index: "*",
    entries: "*",
    // The bodies of threads.
    threads: ["measure", "compress", "fs"],
  },
  shared: ["errors", "util"],
  withoutFiles: ["tar", "oci", "layering"],
  outer: ["cli"],
  members: { "bin.ts": "cli" },
  // Each thread has its code for itself, so it loads its job's file and not the job's room.
  inner: {
    "threads/measure.ts": ["layers/measure/measurer.ts"],
    "threads/hash.ts": ["layers/measure/chunk-ring.ts"],
    "threads/compress.ts": ["images/compress/block.ts"],
    "threads/list.ts": ["layers/fs/ahead.ts"],
  },
  exceptions: {
    // Tokens expire, and retries are spread: neither reaches an output, and callers may put their own in place.
    "places/registry/auth/auth.ts": ["performance.now"],
    "places/registry/http/retry.ts": ["Math.random"],
    // The one place that looks at this machine, when it is asked to.
    "front/app/machine.ts": ["process.env", "Date.now", "new Date()"],
    // Signal 0 only asks whether the process that left a lock, a half-written blob or a folder is still there.
    "util/owner.ts": ["process.kill"],
  },
};

const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The names in a cell of a table, sorted. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!).sort();
}

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

  it("has a name for each room, which leads to its index.ts", () => {
    const inWings = Object.entries(RULES.wings).flatMap(([wing, rooms]) =>
      rooms.filter((room) => room !== "cli").map((room) => [`#${room}`, `./src/${wing}/${room}/index.ts`]),
    );
    const names = {
      "#errors": "./src/errors.ts",
      "#util": "./src/util/index.ts",
      ...Object.fromEntries(inWings),
    };
    assert.deepEqual(packageJson.imports, names);
  });

  it("is what docs/architecture.md says in its table", () => {
    const page = readFileSync(new URL("../docs/architecture.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z]+)(?:\.ts)?` \|.*\|([^|]*)\|$/gm)];
    const written = rows.map(
      ([, room = "", may = ""]) => [room, may.trim() === "all" ? "*" : namesIn(may)] as const,
    );
    // errors and util are everybody's, and know each other.
    const shared = new Set([...RULES.shared, "index"]);
    const held = Object.entries(RULES.rooms).map(
      ([room, may]) => [room, may === "*" ? may : [...may].sort()] as const,
    );
    const without = (list: readonly (readonly [string, unknown])[]) =>
      Object.fromEntries(list.filter(([room]) => !shared.has(room)));
    assert.deepEqual(without(written), without(held));
  });

  it("has no file of more than 300 lines", () => {
    const long = [...sources()].filter(([, text]) => text.split("\n").length - 1 > 300);
    assert.deepEqual(
      long.map(([file]) => file),
      [],
    );
  });
});

describe("the architecture's checker", () => {
  /** A small house in order, with the changes of a test. */
  function house(changes: Record<string, string> = {}): string[] {
    const files = {
      "errors.ts": "export class Fault extends Error {}",
      "util/index.ts": 'export { b } from "./bytes.ts";',
      "util/bytes.ts": 'import { Fault } from "#errors"; export const b = () => new Fault();',
      "low/tar/index.ts": 'export * from "./entry.ts";',
      "low/tar/entry.ts": 'import { b } from "#util"; export const e = b;',
      "fs/index.ts": 'import { readFile } from "node:fs"; import { e } from "#tar"; export { e, readFile };',
      "cli/main.ts": 'import { e } from "#fs"; process.stdout.write(String(e) + new Date());',
      "bin.ts": 'const { main } = await import("./cli/main.ts"); process.exit(main());',
      ...changes,
    };
    const rooms = { errors: ["util"], util: ["errors"], tar: [], oci: [], fs: ["tar"], cli: "*" as const };
    return breaches(new Map(Object.entries(files)), {
      ...RULES,
      wings: { low: ["tar", "oci"] },
      rooms,
      exceptions: { "low/oci/dice.ts": ["Math.random"] },
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
      'import { x } from "#fs";',
      'import x from "#fs";',
      'import * as x from "#fs";',
      'import type { x } from "#fs";',
      'import {\n  type x,\n  y,\n} from "#fs";',
      'import "#fs";',
      "import '#fs';",
      'export * from "#fs";',
      'export { x } from "#fs";',
      'export type { x } from "#fs";',
      'const x = await import("#fs");',
      "const x = await import(`#fs`);",
      'type X = typeof import("#fs");',
      'const quote = /"/; import { x } from "#fs";',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
      'const text = `"${`//`}`; import { x } from "#fs";',
    ]) {
      finds({ "low/oci/index.ts": statement }, /^low\/oci\/index\.ts: oci may not import fs/);
    }
  });

  it("takes no comment and no text for an import", () => {
    for (const statement of [
      '// import "#fs";',
      '/* import "#fs"; */',
      "const text = 'import \"#fs\";';",
      'const text = `import "#fs";`;',
      'const text = "\\"; import \'#fs\'";',
    ]) {
      assert.deepEqual(house({ "low/oci/index.ts": statement }), [], statement);
    }
  });

  it("finds errors or util importing another room", () => {
    finds({ "errors.ts": 'import "#oci";', "low/oci/index.ts": "" }, /errors may not import oci/);
    finds({ "util/bytes.ts": 'import "#oci";', "low/oci/index.ts": "" }, /util may not import oci/);
  });

  it("finds a room that is not in the table", () => {
    finds({ "cellar/index.ts": "" }, /no room cellar/);
    finds({ "stray.ts": "" }, /no room stray/);
  });

  it("finds the file system in a room that has none, in types, too", () => {
    for (const module of ["node:fs", "node:fs/promises", "fs", "fs/promises"]) {
      finds({ "low/tar/entry.ts": `import { x } from "${module}";` }, /tar touches no file system/);
      finds({ "low/tar/entry.ts": `import type { x } from "${module}";` }, /tar touches no file system/);
    }
    assert.deepEqual(house({ "low/tar/entry.ts": 'import { x } from "node:path";' }), []);
  });

  it("finds a circle between rooms, in types, too", () => {
    finds(
      {
        "errors.ts": 'import type { b } from "#util";',
      },
      /the rooms errors, util import each other/,
    );
  });

  it("finds a circle between files, but lets types of one room go round", () => {
    const back = { "low/tar/entry.ts": 'import { y } from "./y.ts"; export const e = 1;' };
    finds(
      { ...back, "low/tar/y.ts": 'import { e } from "./entry.ts";' },
      /the files low\/tar\/entry\.ts, low\/tar\/y\.ts/,
    );
    finds(
      { ...back, "low/tar/y.ts": 'import { e } from "./index.ts";' },
      /the files low\/tar\/entry\.ts, low\/tar\/index\.ts, low\/tar\/y\.ts/,
    );
    // Without the word `type` before the braces the import stays when types are stripped.
    finds({ ...back, "low/tar/y.ts": 'import { type e } from "./entry.ts";' }, /circle/);
    assert.deepEqual(house({ ...back, "low/tar/y.ts": 'import type { e } from "./entry.ts";' }), []);
  });

  it("finds a room that isn't entered by its name", () => {
    for (const statement of ["import { e }", "import type { e }"]) {
      const path = (file: string) => ({ "fs/index.ts": `${statement} from "../low/tar/${file}";` });
      finds(path("entry.ts"), /tar is entered by its name, #tar, not as \.\.\/low\/tar\/entry\.ts/);
      finds(path("index.ts"), /tar is entered by its name, #tar/);
    }
  });

  it("finds a room in another wing than its own, and a file right in a wing", () => {
    finds({ "low/fs/index.ts": "" }, /no room low\/fs/);
    finds({ "low/stray.ts": "" }, /no room low\/stray/);
    finds({ "tar/other.ts": "" }, /no room tar\/other/);
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
    assert.deepEqual(house({ "low/oci/dice.ts": "const x = Math.random();" }), []);
    finds({ "low/oci/dice.ts": "const x = Math.random() + Date.now();" }, /may use Date\.now/);
  });
});
