import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ChangeReason, type ComponentChange, compareImages, type ImageComparison } from "#compare";
import { VarveError } from "#errors";
import { type MadeImage, type MadeImageOptions, type MadeLayer, madeImage } from "#testing";

const HASHES = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(32));
const [A, B, C, D] = HASHES;

/** A layer of one store path or several, each with a program. */
function store(...names: readonly string[]): MadeLayer {
  const components = names.map((name) => `/nix/store/${name}`);
  const entries = components.flatMap((path) => [
    [path, { dir: true }] as const,
    [`${path}/bin`, { dir: true }] as const,
    [`${path}/bin/run`, path] as const,
  ]);
  return {
    components,
    entries: Object.fromEntries([["/nix", { dir: true }], ["/nix/store", { dir: true }], ...entries]),
  };
}

/** The layer with entries added or in place of others. */
function changed(layer: MadeLayer, entries: MadeLayer["entries"]): MadeLayer {
  return { ...layer, entries: { ...layer.entries, ...entries } };
}

async function compare(
  source: readonly MadeLayer[],
  target: readonly MadeLayer[],
  [before, now]: readonly [MadeImageOptions?, MadeImageOptions?] = [],
): Promise<ImageComparison> {
  return await compareImages(await madeImage(source, before), await madeImage(target, now));
}

/** The changes of one layer that is all there is. */
async function changesOf(source: MadeLayer, target: MadeLayer): Promise<readonly ComponentChange[]> {
  const { layers, gone } = await compare([source], [target]);
  assert.equal(layers.length, 1);
  assert.deepEqual([layers[0]!.state, layers[0]!.from], ["changed", 0]);
  assert.deepEqual(gone, []);
  return layers[0]!.changes;
}

async function onlyChange(source: MadeLayer, target: MadeLayer): Promise<ComponentChange> {
  const changes = await changesOf(source, target);
  assert.equal(changes.length, 1, JSON.stringify(changes));
  return changes[0]!;
}

const path = (name: string) => `/nix/store/${name}`;

describe("an image compared to itself", () => {
  it("differs in nothing and costs nothing, and none of its layers is read", async () => {
    const image = await madeImage([store(`${A}-a-1`), { entries: { "/x": "x" } }]);
    const found = await compareImages(image, image);
    assert.deepEqual(
      found.layers.map(({ state, from, sent, reasons, changes }) => ({
        state,
        from,
        sent,
        reasons,
        changes,
      })),
      [0, 1].map((from) => ({ state: "same", from, sent: false, reasons: [], changes: [] })),
    );
    assert.deepEqual([found.gone, found.config, found.configDiffers], [[], [], false]);
    assert.deepEqual(found.cost.sent, { layers: 0, bytes: 0 });
    assert.deepEqual(found.cost.extracted, { layers: 0, bytes: 0 });
    assert.deepEqual(
      image.layers.map((layer) => layer.opened()),
      [0, 0],
    );
  });
});

describe("a store path that differs", () => {
  it("has another version if its name says so", async () => {
    const change = await onlyChange(store(`${A}-openssl-3.0.1`), store(`${B}-openssl-3.0.2`));
    assert.equal(change.name, "openssl");
    assert.deepEqual(change.reasons, ["version"]);
    assert.deepEqual([change.fromVersion, change.version], ["3.0.1", "3.0.2"]);
    assert.equal(change.component, path(`${B}-openssl-3.0.2`));
    assert.equal(change.replaces, path(`${A}-openssl-3.0.1`));
    assert.deepEqual(change.files?.content?.names, ["bin/run"]);
  });

  it("was rebuilt if only its hash is another, whether it has a version or not", async () => {
    for (const [name, version] of [
      ["openssl-3.0.1", "3.0.1"],
      ["builder.sh", undefined],
    ] as const) {
      const change = await onlyChange(store(`${A}-${name}`), store(`${B}-${name}`));
      assert.deepEqual(change.reasons, ["rebuilt"]);
      assert.equal(change.version, version);
    }
  });

  it("takes the place of the same output, and of the version that is nearest in order", async () => {
    const source = store(`${A}-openssl-3.0.1`, `${B}-openssl-3.0.1-dev`, `${C}-lua-5.9`, `${D}-lua-5.10`);
    const target = store(`${B}-openssl-3.0.2-dev`, `${A}-openssl-3.0.2`, `${C}-lua-5.11`, `${D}-lua-5.10.1`);
    const changes = await changesOf(source, target);
    const pairs = changes.map(({ name, fromVersion, version }) => [name, fromVersion, version]);
    assert.deepEqual(pairs.sort(), [
      ["lua", "5.10", "5.11"],
      ["lua", "5.9", "5.10.1"],
      ["openssl", "3.0.1", "3.0.2"],
      ["openssl-dev", "3.0.1", "3.0.2"],
    ]);
  });

  it("takes the place of another build of its version before that of another version", async () => {
    const changes = await changesOf(
      store(`${A}-lua-1.0`, `${B}-lua-2.0`),
      store(`${C}-lua-2.0`, `${D}-lua-3.0`),
    );
    assert.deepEqual(
      changes.map(({ reasons, fromVersion, version }) => [reasons[0], fromVersion, version]),
      [
        ["version", "1.0", "3.0"],
        ["rebuilt", "2.0", "2.0"],
      ],
    );
  });

  it("ends its name where Nix does", async () => {
    for (const [before, now, name, versions] of [
      [
        "python3.11-requests-2.28.1",
        "python3.11-requests-2.31.0",
        "python3.11-requests",
        ["2.28.1", "2.31.0"],
      ],
      ["glibc-2.38-44", "glibc-2.39-5", "glibc", ["2.38-44", "2.39-5"]],
      ["vim-unstable-2023-01-02", "vim-unstable-2024-01-02", "vim-unstable", ["2023-01-02", "2024-01-02"]],
      ["x-1.0-rc1-man", "x-1.0-rc2-man", "x-man", ["1.0-rc1", "1.0-rc2"]],
    ] as const) {
      const change = await onlyChange(store(`${A}-${before}`), store(`${B}-${now}`));
      assert.deepEqual([change.name, change.fromVersion, change.version], [name, ...versions]);
    }
  });

  it("is recognised by its path where the image doesn't say what a layer holds", async () => {
    const [source, target] = [`${A}-curl-8.1`, `${B}-curl-8.2`].map((name) => ({
      ...store(name),
      components: [],
    }));
    const change = await onlyChange(source!, target!);
    assert.deepEqual([change.name, change.reasons], ["curl", ["version"]]);
  });
});

describe("a component of the same name differs", () => {
  const layer = changed(store(`${A}-a-1`, `${B}-b-1`), {
    [path(`${A}-a-1/link`)]: { link: "bin/run" },
    [path(`${A}-a-1/other`)]: "other",
  });
  const cases: readonly (readonly [ChangeReason, MadeLayer["entries"], string[], [string, string]?])[] = [
    ["content", { [path(`${A}-a-1/bin/run`)]: "others" }, ["bin/run"]],
    ["mode", { [path(`${A}-a-1/other`)]: { content: "other", mode: 0o4755 } }, ["other"], ["0644", "4755"]],
    ["owner", { [path(`${A}-a-1/other`)]: { content: "other", uid: 7 } }, ["other"], ["0:0", "7:0"]],
    [
      "owner",
      { [path(`${A}-a-1/other`)]: { content: "other", gname: "staff" } },
      ["other"],
      ["root:root", "root:staff"],
    ],
    [
      "mtime",
      { [path(`${A}-a-1/other`)]: { content: "other", mtime: 86400 } },
      ["other"],
      ["1970-01-01T00:00:01Z", "1970-01-02T00:00:00Z"],
    ],
    ["links", { [path(`${A}-a-1/link`)]: { link: "bin/x" } }, ["link"], ["bin/run", "bin/x"]],
    [
      "attributes",
      { [path(`${A}-a-1/other`)]: { content: "other", pax: new Map([["SCHILY.xattr.user.a", "b"]]) } },
      ["other"],
    ],
  ];
  for (const [reason, entries, names, fromTo] of cases) {
    it(`in ${reason}, and the files are named${fromTo === undefined ? "" : `: ${fromTo.join(" to ")}`}`, async () => {
      const change = await onlyChange(layer, changed(layer, entries));
      assert.equal(change.component, path(`${A}-a-1`));
      assert.deepEqual(change.reasons, [reason]);
      const [from, to] = fromTo ?? [];
      assert.deepEqual(change.files, {
        [reason]: { count: 1, names, ...(fromTo === undefined ? {} : { from, to }) },
      });
    });
  }

  it("in content when files come or go, or become something else", async () => {
    const added = await onlyChange(layer, changed(layer, { [path(`${A}-a-1/new`)]: "" }));
    assert.deepEqual([added.reasons, added.files], [["content"], { added: { count: 1, names: ["new"] } }]);
    const removed = await onlyChange(changed(layer, { [path(`${A}-a-1/new`)]: "" }), layer);
    assert.deepEqual(
      [removed.reasons, removed.files],
      [["content"], { removed: { count: 1, names: ["new"] } }],
    );
    const other = await onlyChange(layer, changed(layer, { [path(`${A}-a-1/link`)]: "bin/run" }));
    assert.ok(other.reasons.includes("content"));
  });

  it("in content at the end of a file that is read in pieces", async () => {
    const large = "x".repeat(3 * 1024 * 1024 + 5);
    const file = path(`${A}-a-1/other`);
    const change = await onlyChange(
      changed(layer, { [file]: `${large}1` }),
      changed(layer, { [file]: `${large}2` }),
    );
    assert.deepEqual(change.reasons, ["content"]);
  });

  it("in several things at once, the most telling first, and counts all files but names the first", async () => {
    const many = (mode: number, text: string) =>
      changed(
        layer,
        Object.fromEntries(
          Array.from({ length: 50 }, (_, index) => [path(`${A}-a-1/f${index}`), { content: text, mode }]),
        ),
      );
    const change = await onlyChange(many(0o644, "a"), many(0o755, "b"));
    assert.deepEqual(change.reasons, ["content", "mode"]);
    assert.equal(change.files?.mode?.count, 50);
    assert.deepEqual([change.files?.mode?.from, change.files?.mode?.to], ["0644", "0755"]);
    assert.equal(change.files?.mode?.names.length, 20);
  });

  it("in ways that differ from file to file, which are not told as one", async () => {
    const modes = (...modes: readonly number[]) =>
      changed(
        layer,
        Object.fromEntries(modes.map((mode, index) => [path(`${A}-a-1/f${index}`), { content: "x", mode }])),
      );
    const change = await onlyChange(modes(0o644, 0o644, 0o644), modes(0o600, 0o755, 0o600));
    assert.deepEqual(change.files, { mode: { count: 3, names: ["f0", "f1", "f2"] } });
  });

  it("in the order of its files", async () => {
    const { [path(`${A}-a-1/link`)]: link, ...others } = layer.entries;
    const entries = { "/nix": others["/nix"]!, "/nix/store": others["/nix/store"]!, ...others };
    const moved = { ...layer, entries: { [path(`${A}-a-1/link`)]: link!, ...entries } };
    const change = await onlyChange(layer, moved);
    assert.deepEqual(change.reasons, ["order"]);
  });
});

describe("a layer differs", () => {
  it("in the order of its components alone", async () => {
    const { layers } = await compare([store(`${A}-a-1`, `${B}-b-1`)], [store(`${B}-b-1`, `${A}-a-1`)]);
    assert.deepEqual([layers[0]!.reasons, layers[0]!.changes], [["order"], []]);
    assert.equal(layers[0]!.unchanged?.components, 2);
  });

  it("in components that came and went, and says what had to be sent with them", async () => {
    const { layers } = await compare([store(`${A}-a-1`, `${B}-b-1`)], [store(`${B}-b-1`, `${C}-c-1`)]);
    const [layer] = layers;
    assert.deepEqual(layer!.reasons, ["added", "removed"]);
    assert.deepEqual(
      layer!.changes.map(({ name, reasons, fromVersion, version }) => [
        name,
        reasons[0],
        fromVersion,
        version,
      ]),
      [
        ["c", "added", undefined, "1"],
        ["a", "removed", "1", undefined],
      ],
    );
    assert.deepEqual(layer!.unchanged, { components: 1, size: path(`${B}-b-1`).length });
  });

  it("in the bytes of its archive alone", async () => {
    const { layers } = await compare([{ entries: { x: "x" } }], [{ entries: { "./x": "x" } }]);
    assert.deepEqual([layers[0]!.state, layers[0]!.reasons], ["changed", ["encoding"]]);
  });

  it("in components that moved between layers, told on both sides", async () => {
    const { layers, gone } = await compare(
      [store(`${A}-a-1`, `${B}-b-1`, `${C}-c-1`), store(`${D}-d-1`)],
      [store(`${A}-a-1`, `${B}-b-1`), store(`${C}-c-1`, `${D}-d-1`)],
    );
    assert.deepEqual(gone, []);
    const [first, second] = layers.map(({ changes }) => changes);
    assert.deepEqual(
      first!.map(({ name, reasons, toLayer }) => ({ name, reasons, toLayer })),
      [{ name: "c", reasons: ["left"], toLayer: 1 }],
    );
    assert.deepEqual(
      second!.map(({ name, reasons, fromLayer }) => ({ name, reasons, fromLayer })),
      [{ name: "c", reasons: ["moved"], fromLayer: 0 }],
    );
  });

  it("in its owner, told once and not also of the folders above", async () => {
    const owned = ({ components, entries }: MadeLayer): MadeLayer => ({
      ...(components === undefined ? {} : { components }),
      entries: Object.fromEntries(
        Object.entries(entries).map(([name, entry]) => [
          name,
          { ...(typeof entry === "string" ? { content: entry } : entry), uid: 5 },
        ]),
      ),
    });
    const layer = store(`${A}-a-1`);
    const change = await onlyChange(layer, owned(layer));
    assert.deepEqual([change.name, change.reasons], ["a", ["owner"]]);
    assert.deepEqual(change.files?.owner, {
      count: 3,
      names: ["", "bin", "bin/run"],
      from: "0:0",
      to: "5:0",
    });
  });

  it("by its files where nothing is known of components", async () => {
    const base = { "/etc/passwd": "root", "/bin/sh": { link: "dash" }, "/etc/motd": "hello" };
    const change = await onlyChange(
      { entries: base },
      { entries: { ...base, "/etc/motd": "hullo", "/bin/sh": { link: "bash" } } },
    );
    assert.equal(change.component, undefined);
    assert.deepEqual(change.reasons, ["content", "links"]);
    assert.deepEqual(change.files?.content?.names, ["/etc/motd"]);
    assert.deepEqual(change.files?.links, { count: 1, names: ["/bin/sh"], from: "dash", to: "bash" });
  });

  it("by its folders where it has no files", async () => {
    const { layers } = await compare(
      [store(`${A}-a-1`), { entries: { "/etc": { dir: true }, "/old": { dir: true } } }],
      [store(`${A}-a-1`), { entries: { "/etc": { dir: true }, "/new": { dir: true } } }],
    );
    assert.deepEqual([layers[1]!.state, layers[1]!.from, layers[1]!.reasons], ["changed", 1, ["content"]]);
  });

  it("in what it holds, and the folders above that are not told of", async () => {
    const other = {
      components: ["/other/b"],
      entries: { "/other": { dir: true }, "/other/b": "b" },
    } as const;
    const both = {
      components: [...store(`${A}-a-1`).components!, ...other.components],
      entries: { ...store(`${A}-a-1`).entries, ...other.entries },
    };
    for (const [before, now, reason] of [
      [store(`${A}-a-1`), both, "added"],
      [both, store(`${A}-a-1`), "removed"],
    ] as const) {
      const change = await onlyChange(before, now);
      assert.deepEqual([change.name, change.reasons], ["b", [reason]]);
    }
  });

  it("and is refused if its bytes are not what they should be, to the last", async () => {
    const [good, damaged] = await Promise.all([
      madeImage([store(`${A}-a-1`)]),
      madeImage([store(`${B}-b-1`)]),
    ]);
    const [layer] = damaged.layers;
    const open = async function* () {
      yield* layer!.open();
      throw new VarveError("DIGEST_MISMATCH", "the last byte");
    };
    const image = { ...damaged, layers: [{ ...layer!, open }] };
    await assert.rejects(compareImages(good, image), { code: "DIGEST_MISMATCH" });
    await assert.rejects(compareImages(image, good), { code: "DIGEST_MISMATCH" });
  });

  it("from all others if it is new, and one that is gone is told", async () => {
    const { layers, gone } = await compare(
      [store(`${A}-a-1`), { entries: { "/old": "1" } }],
      [store(`${A}-a-1`), store(`${B}-b-1`), { entries: { "/new": "1" } }],
    );
    assert.deepEqual(
      layers.map(({ state }) => state),
      ["same", "new", "new"],
    );
    assert.deepEqual(layers[2]!.reasons, ["added"]);
    assert.deepEqual(
      gone.map(({ index, changes }) => [index, changes[0]!.reasons, changes[0]!.files?.removed?.names]),
      [[1, ["removed"], ["/old"]]],
    );
  });

  it("beside what it has the most of in common with, wherever that was", async () => {
    const { layers } = await compare(
      [store(`${A}-a-1`, `${B}-b-1`), store(`${C}-c-1`)],
      [store(`${C}-c-2`), store(`${A}-a-1`, `${B}-b-2`)],
    );
    assert.deepEqual(
      layers.map(({ from, reasons }) => [from, reasons]),
      [
        [1, ["version"]],
        [0, ["version"]],
      ],
    );
  });
});

describe("an npm package that differs", () => {
  const project = (version: string, extra: MadeLayer["entries"] = {}, folder = "/app"): MadeLayer => ({
    components: [".", "node_modules/dep", "node_modules/dep/node_modules/base"],
    entries: {
      [folder]: { dir: true },
      [`${folder}/package.json`]: '{"version": "0.1.0"}',
      [`${folder}/node_modules/.bin/dep`]: { link: "../dep/run.js" },
      [`${folder}/node_modules/dep/package.json`]: JSON.stringify({ name: "dep", version }),
      [`${folder}/node_modules/dep/run.js`]: "run",
      [`${folder}/node_modules/dep/node_modules/base/package.json`]: '{"version": "3.0.0"}',
      ...extra,
    },
  });

  it("has another version if its package.json says so", async () => {
    const change = await onlyChange(
      project("1.0.0"),
      project("1.1.0", { "/app/node_modules/dep/run.js": "ran" }),
    );
    assert.deepEqual([change.component, change.name], ["node_modules/dep", "dep"]);
    assert.deepEqual([change.reasons, change.fromVersion, change.version], [["version"], "1.0.0", "1.1.0"]);
  });

  it("differs in content under one version, be it the project or a package in a package", async () => {
    const own = await onlyChange(project("1.0.0"), project("1.0.0", { "/app/index.js": "new" }));
    assert.deepEqual([own.component, own.name, own.reasons], [".", "the project", ["content"]]);
    const file = "/app/node_modules/dep/node_modules/base/a.js";
    const nested = await onlyChange(project("1.0.0"), project("1.0.0", { [file]: "new" }));
    assert.deepEqual([nested.name, nested.files?.added?.names], ["dep/node_modules/base", ["a.js"]]);
  });

  it("is found below the WorkingDir, and recognised at another place", async () => {
    const { layers } = await compare(
      [project("1.0.0")],
      [project("1.0.0", {}, "/srv/x")],
      [{}, { config: { WorkingDir: "/srv/x/" } }],
    );
    assert.deepEqual(layers[0]!.reasons, ["place"]);
    assert.equal(layers[0]!.changes.length, 3);
  });

  it("is recognised by its path where the image doesn't say what a layer holds, scope and all", async () => {
    const layer = (version: string): MadeLayer => ({
      entries: { "/srv/node_modules/@scope/p/package.json": JSON.stringify({ version }), "/srv/x.js": "x" },
    });
    const change = await onlyChange(layer("1.0.0"), layer("2.0.0"));
    assert.deepEqual([change.name, change.reasons, change.version], ["@scope/p", ["version"], "2.0.0"]);
  });

  it("has no version for a package.json that is broken", async () => {
    const layer = (text: string) => project("1", { "/app/node_modules/dep/package.json": text });
    for (const text of ["{", '{"version": 5}', "null", `{"version": "${"1".repeat(200)}"}`]) {
      const change = await onlyChange(layer(text), layer(`${text} `));
      assert.deepEqual([change.reasons, change.version], [["content"], undefined]);
    }
  });
});

describe("an image that lists few of its packages", () => {
  const ids = ["a", "b", "c", "d"].map((name) => `node_modules/.pnpm/${name}@1.0.0`);
  const entriesOf = (text: string) =>
    Object.fromEntries(
      ids.map((id, at) => [`app/${id}/node_modules/${"abcd"[at]}/index.js`, at === 2 ? text : "same"]),
    );
  /** As it is read from somewhere: it has nothing but its history's comments. */
  const read = (image: MadeImage) => ({
    ...image,
    layers: image.layers.map((layer) => ({ ...layer, components: [] })),
  });
  const imageOf = (text: string, base = "base") =>
    madeImage([{ entries: { base } }, { components: ids, entries: entriesOf(text) }]);

  it("is compared with one that is being made by where packages are", async () => {
    const { layers, gone } = await compareImages(read(await imageOf("before")), await imageOf("after"));
    assert.deepEqual(gone, []);
    assert.deepEqual(
      layers[1]!.changes.map(({ name, reasons }) => [name, reasons]),
      [[".pnpm/c@1.0.0/node_modules/c", ["content"]]],
    );
    assert.equal(layers[1]!.unchanged!.components, 3);
  });

  it("has another base if the layers below its packages are others", async () => {
    const baseChanged = async (...bases: readonly [string, string]) => {
      const [source, target] = await Promise.all(bases.map((base) => imageOf("same", base)));
      return (await compareImages(read(source!), read(target!))).baseChanged;
    };
    assert.equal(await baseChanged("one", "two"), true);
    assert.equal(await baseChanged("one", "one"), false);
  });
});

describe("the cost of a change", () => {
  const [a, b, c] = [store(`${A}-a-1`), store(`${B}-b-1`), store(`${C}-c-1`)];

  it("is the layers that the other image lacks; those above the first that changed are unpacked anew", async () => {
    const target = await madeImage([a!, store(`${B}-b-2`, `${D}-d-1`), c!]);
    const { cost, layers } = await compareImages(await madeImage([a!, b!, c!]), target);
    const sizes = target.layers.map(({ descriptor }) => descriptor.size);
    assert.deepEqual(cost.total, { layers: 3, bytes: sizes[0]! + sizes[1]! + sizes[2]! });
    assert.deepEqual(cost.sent, { layers: 1, bytes: sizes[1] });
    assert.deepEqual(cost.pulled, cost.sent);
    assert.deepEqual(cost.pulledByGraphDriver, { layers: 2, bytes: sizes[1]! + sizes[2]! });
    assert.deepEqual(cost.extracted, { layers: 2, bytes: sizes[1]! + sizes[2]! });
    assert.equal(cost.documents, target.config.descriptor.size + target.manifest!.descriptor.size);
    assert.equal(cost.uncompressed, true);
    assert.deepEqual(
      layers.map(({ sent }) => sent),
      [false, true, false],
    );
  });

  it("is nothing in documents that are the same", async () => {
    const { cost } = await compare([a!, b!], [a!, b!]);
    assert.deepEqual([cost.documents, cost.pulledByGraphDriver.layers], [0, 0]);
  });

  it("is what a graph driver pulls of layers that are there under another digest, and above these", async () => {
    const [x, y] = ["x", "y"].map((text) => ({ entries: { [text]: text.repeat(5000) } }));
    const { cost, layers } = await compare(
      [
        { ...x!, gzip: 1 },
        { ...y!, gzip: 6 },
      ],
      [
        { ...x!, gzip: 9 },
        { ...y!, gzip: 6 },
      ],
    );
    assert.deepEqual([layers[0]!.state, layers[1]!.state], ["recompressed", "same"]);
    assert.equal(cost.pulled.layers, 1);
    assert.equal(cost.pulledByGraphDriver.layers, 2);
  });

  it("is nothing for layers at another position, but what graph drivers pull and what is unpacked", async () => {
    const { cost, layers } = await compare([a!, b!, c!], [b!, a!, c!]);
    assert.deepEqual([cost.pulled.layers, cost.pulledByGraphDriver.layers], [0, 3]);
    assert.deepEqual(cost.sent, { layers: 0, bytes: 0 });
    assert.equal(cost.extracted.layers, 3);
    assert.deepEqual(
      layers.map(({ state, from }) => [state, from]),
      [
        ["same", 1],
        ["same", 0],
        ["same", 2],
      ],
    );
  });

  it("is nothing for a compressed layer that is there, at the same position where it is there twice", async () => {
    const [x, y] = ["x", "y"].map((text) => ({ entries: { [text]: text }, gzip: 6 }));
    const { cost, layers } = await compare([x!, y!, x!], [y!, y!, x!]);
    assert.deepEqual(cost.sent, { layers: 0, bytes: 0 });
    assert.deepEqual(
      layers.map(({ state, from }) => [state, from]),
      [
        ["same", 1],
        ["same", 1],
        ["same", 2],
      ],
    );
  });

  it("is nothing for layers that were dropped, and a blob that is there twice is sent once", async () => {
    const dropped = await compare([a!, b!], [a!]);
    assert.deepEqual([dropped.cost.sent.layers, dropped.gone.length], [0, 1]);
    const twice = await compare([a!], [a!, b!, b!]);
    assert.deepEqual([twice.cost.sent.layers, twice.cost.total.layers], [1, 2]);
  });

  it("counts what is compressed otherwise, without reading it; what isn't compressed may yet be the same", async () => {
    const [plain, fast, best] = await Promise.all(
      [undefined, 1, 9].map((gzip) =>
        madeImage([{ entries: { "/x": "abc".repeat(5000) }, ...(gzip === undefined ? {} : { gzip }) }]),
      ),
    );
    const anew = await compareImages(fast!, best!);
    assert.deepEqual([anew.layers[0]!.state, anew.layers[0]!.sent], ["recompressed", true]);
    assert.equal(anew.cost.sent.bytes, best!.layers[0]!.descriptor.size);
    assert.equal(anew.cost.uncompressed, false);
    assert.equal(best!.layers[0]!.opened(), 0);
    for (const [source, target] of [
      [plain!, best!],
      [best!, plain!],
    ] as const) {
      const found = await compareImages(source, target);
      assert.deepEqual([found.layers[0]!.state, found.cost.sent.layers], ["same", 0]);
    }
  });

  it("is found in compressed layers, each of which is read once", async () => {
    const images = await Promise.all(
      ["1", "2"].map((version) => madeImage([a!, { ...store(`${B}-b-${version}`), gzip: 6 }])),
    );
    const found = await compareImages(images[0]!, images[1]!);
    assert.deepEqual(found.layers[1]!.reasons, ["version"]);
    assert.deepEqual(
      images.map(({ layers }) => layers.map((layer) => layer.opened())),
      [
        [0, 1],
        [0, 1],
      ],
    );
  });
});

describe("beside layers, a comparison tells of", () => {
  const layers = [store(`${A}-a-1`)];

  it("fields of the config, with the variables and labels that differ", async () => {
    const found = await compare(layers, layers, [
      { config: { Env: ["PATH=/bin", "A=1"], Labels: { a: "1" }, Cmd: ["x"], User: null }, created: "2020" },
      {
        config: { Env: ["PATH=/bin", "A=2", "B=1"], Labels: { a: "1", b: "2" }, Cmd: ["y"] },
        created: "2021",
      },
    ]);
    assert.equal(found.configDiffers, true);
    assert.deepEqual(
      found.config.map(({ field, keys }) => [field, keys]),
      [
        ["created", undefined],
        ["Env", ["A", "B"]],
        ["Labels", ["b"]],
        ["Cmd", undefined],
      ],
    );
    assert.deepEqual([found.config[0]!.from, found.config[0]!.to], ["2020", "2021"]);
    assert.equal(found.cost.sent.layers, 0);
  });

  it("an environment in another order, without variables", async () => {
    const found = await compare(layers, layers, [
      { config: { Env: ["A=1", "B=2"] } },
      { config: { Env: ["B=2", "A=1"] } },
    ]);
    assert.deepEqual(found.config, [{ field: "Env", from: ["A=1", "B=2"], to: ["B=2", "A=1"] }]);
  });

  it("annotations, and of a base that is another by them", async () => {
    const base = (digest: string) => ({ annotations: { "org.opencontainers.image.base.digest": digest } });
    const found = await compare(layers, layers, [base("x"), base("y")]);
    assert.deepEqual(
      found.config.map(({ field, keys }) => [field, keys]),
      [["annotations", ["org.opencontainers.image.base.digest"]]],
    );
    assert.equal(found.baseChanged, true);
    assert.equal((await compare(layers, layers, [base("x"), base("x")])).baseChanged, false);
    // The layout says nothing that the layers themselves don't.
    const layout = (text: string) => ({ annotations: { "dev.varve.layout": text } });
    assert.deepEqual((await compare(layers, layers, [layout("x"), layout("y")])).config, []);
    assert.deepEqual((await compare(layers, layers, [layout("x"), {}])).config, []);
  });

  it("a base whose layers are others, where the layers above say what they hold", async () => {
    const base = (text: string) => ({ entries: { "/etc/base": text } });
    assert.equal((await compare([base("1"), ...layers], [base("2"), ...layers])).baseChanged, true);
    assert.equal((await compare([base("1"), ...layers], [base("1"), ...layers])).baseChanged, false);
    assert.equal((await compare([base("1")], [base("2")])).baseChanged, undefined);
    assert.equal((await compare(layers, layers)).baseChanged, undefined);
  });
});
