import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { flattenedTree } from "#flatten";
import { readPackages } from "#packages";
import { type MadeEntry, madeImage } from "#testing";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { rpmDatabase, rpmHeader } from "./rpm.ts";

type Entries = Readonly<Record<string, string | MadeEntry>>;

/** What is found in a root with these files, and whose each path is. */
async function found(entries: Entries) {
  const image = await madeImage([{ entries }]);
  const tree = await flattenedTree(image.layers);
  const contents = Object.values(entries);
  const packages = await readPackages(tree, async ({ position }) => {
    const given = contents[position]!;
    return Buffer.from(typeof given === "string" ? given : (given.content ?? ""));
  });
  const ownerOf = (path: string) => packages.ownerOf(path, tree.entry(path)!);
  const owners = [...tree.entries()]
    .filter(([, { kind }]) => kind !== "directory")
    .map(([path]) => [path, ownerOf(path)] as const);
  return { packages: packages.packages, owners: Object.fromEntries(owners) };
}

const link = (target: string): MadeEntry => ({ link: target });

describe("packages in a root", () => {
  const scope = stacked({ after });

  it("are dpkg's, with versions and of several architectures", async () => {
    const { packages, owners } = await found({
      bin: link("usr/bin"),
      "usr/bin/a": "",
      "usr/lib/x86/b.so": "",
      "usr/lib/i386/b.so": "",
      "usr/bin/nobody": "",
      "usr/bin/alias": link("a"),
      "usr/share/own": link("/usr/bin/a"),
      "var/lib/dpkg/status":
        "Package: a\nVersion: 1:2.3-4\nArchitecture: all\nDescription: x\n Package: no\n\nPackage: b\nVersion: 1\nArchitecture: amd64\n\nPackage: b\nVersion: 2\nArchitecture: i386\n",
      "var/lib/dpkg/info/a.list": "/.\n/bin\n/bin/a\n/usr/share/own\n",
      "var/lib/dpkg/info/b:amd64.list": "/usr/lib/x86/b.so",
      "var/lib/dpkg/info/b:i386.list": "/usr/lib/i386/b.so\n/usr/lib/x86/b.so\n",
    });
    assert.deepEqual(
      [...packages].map(([id, { version }]) => `${id} ${version}`),
      ["dpkg:a 1:2.3-4", "dpkg:b:amd64 1", "dpkg:b:i386 2"],
    );
    assert.equal(owners["usr/bin/a"], "dpkg:a");
    assert.equal(owners["usr/share/own"], "dpkg:a");
    assert.equal(owners["usr/lib/x86/b.so"], "dpkg:b:amd64");
    assert.equal(owners["usr/lib/i386/b.so"], "dpkg:b:i386");
    assert.equal(owners["usr/bin/nobody"], undefined);
    // A link that nobody has packed was made when something was installed.
    assert.deepEqual([owners["usr/bin/alias"], owners["bin"]], ["upkeep", "upkeep"]);
    assert.equal(owners["var/lib/dpkg/status"], "upkeep");
  });

  it("are those of distroless images", async () => {
    const sum = "d41d8cd98f00b204e9800998ecf8427e";
    const { packages, owners } = await found({
      "usr/lib/libc.so": "",
      "var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.36\n",
      "var/lib/dpkg/status.d/libc6.md5sums": `${sum}  usr/lib/libc.so\n`,
    });
    assert.deepEqual(packages.get("dpkg:libc6"), { id: "dpkg:libc6", version: "2.36" });
    assert.equal(owners["usr/lib/libc.so"], "dpkg:libc6");
  });

  it("are apk's", async () => {
    const { packages, owners } = await found({
      "bin/busybox": "",
      "lib/ld-musl.so": "",
      other: "",
      "lib/apk/db/installed":
        "C:x\nP:musl\nV:1.2.5-r0\nF:lib\nR:ld-musl.so\na:0:0:755\n\nP:busybox\nV:1.36\nF:bin\nR:busybox\n\n",
    });
    assert.equal(packages.get("apk:musl")?.version, "1.2.5-r0");
    assert.deepEqual(
      [owners["lib/ld-musl.so"], owners["bin/busybox"], owners["other"], owners["lib/apk/db/installed"]],
      ["apk:musl", "apk:busybox", undefined, "upkeep"],
    );
  });

  it("are rpm's", async () => {
    const folder = await temporaryFolder(scope);
    const many = Array.from({ length: 300 }, (_, at) => `/usr/share/many/${at}`);
    const headers = [
      { name: "bash", version: "5.2", files: ["/bin/bash", "/usr/share/doc/bash"], more: 5000 },
      { name: "many", version: "1", files: many },
      { name: "gpg-pubkey", version: "x", files: [] },
    ].map(rpmHeader);
    const { packages, owners } = await found({
      bin: link("usr/bin"),
      "usr/bin/bash": "",
      "usr/bin/other": "",
      "usr/share/many/7": "",
      "usr/lib/sysimage/rpm/rpmdb.sqlite": { content: rpmDatabase(headers, folder) },
    });
    assert.equal(packages.get("rpm:bash.x86_64")?.version, "5.2-1.fc40");
    assert.equal(owners["usr/bin/bash"], "rpm:bash.x86_64");
    assert.equal(owners["usr/share/many/7"], "rpm:many.x86_64");
    assert.equal(owners["usr/bin/other"], undefined);
    assert.equal(owners["usr/lib/sysimage/rpm/rpmdb.sqlite"], "upkeep");
  });

  it("are Python's, also what they have beside their folder", async () => {
    const site = "usr/lib/python3/site-packages";
    const { packages, owners } = await found({
      [`${site}/flask/a,b.py`]: "",
      [`${site}/flask/c.py`]: "",
      "usr/bin/flask": "",
      [`${site}/Flask-3.0.1.dist-info/RECORD`]:
        'flask/c.py,sha256=x,1\r\n"flask/a,b.py",,\n../../../bin/flask,,\nFlask-3.0.1.dist-info/RECORD,,\n',
    });
    const id = `python:${site}/Flask`;
    assert.equal(packages.get(id)?.version, "3.0.1");
    assert.deepEqual(new Set(Object.values(owners)), new Set([id]));
  });

  it("are Node's in each layout", async () => {
    const pnpm = "app/node_modules/.pnpm/b@2.0.0/node_modules/b";
    const json = (name: string) => `{"name":"${name}","version":"1.0.0","repository":{"url":"git@x:a/b"}}`;
    const { packages, owners } = await found({
      "app/node_modules/a/package.json": json("a"),
      "app/node_modules/a/lib/x.js": "",
      "app/node_modules/a/node_modules/@s/n/package.json": json("n"),
      "app/node_modules/a/node_modules/@s/n/y.js": "",
      [`${pnpm}/package.json`]: json("b"),
      [`${pnpm}/z.js`]: "",
      "app/node_modules/.pnpm/node_modules/b": link(`../b@2.0.0/node_modules/b`),
      "app/node_modules/.pnpm/lock.yaml": "",
      "app/node_modules/.bin/a": link("../a/lib/x.js"),
      "app/node_modules/.package-lock.json": "",
      "app/node_modules/b": link(".pnpm/b@2.0.0/node_modules/b"),
      "app/node_modules/loose/file.js": "",
      "usr/lib/node_modules/npm/package.json": json("npm"),
      "usr/lib/node_modules/npm/node_modules/c/package.json": json("c"),
      "app/.yarn/cache/d-npm-1.0.0-abc.zip": "",
      "app/.yarn/unplugged/e-npm-1.0.0-abc/node_modules/e/package.json": json("e"),
      "app/server.js": "",
    });
    const names = [...packages.values()].filter(({ name }) => name !== undefined);
    assert.deepEqual(names.map(({ name }) => name).sort(), ["@s/n", "a", "b", "e", "npm"]);
    assert.deepEqual(packages.get("app/node_modules/a"), {
      ...{ id: "app/node_modules/a", name: "a", version: "1.0.0", repository: "git@x:a/b" },
    });
    assert.equal(owners["app/node_modules/a/lib/x.js"], "app/node_modules/a");
    assert.equal(owners["app/node_modules/a/node_modules/@s/n/y.js"], "app/node_modules/a/node_modules/@s/n");
    assert.equal(owners[`${pnpm}/z.js`], pnpm);
    assert.equal(owners["usr/lib/node_modules/npm/node_modules/c/package.json"], "usr/lib/node_modules/npm");
    assert.equal(owners["app/.yarn/cache/d-npm-1.0.0-abc.zip"], "app/.yarn/cache/d-npm-1.0.0-abc.zip");
    for (const path of [".pnpm/node_modules/b", ".pnpm/lock.yaml", ".bin/a", ".package-lock.json", "b"])
      assert.equal(owners[`app/node_modules/${path}`], "upkeep", path);
    for (const path of ["app/node_modules/loose/file.js", "app/server.js"])
      assert.equal(owners[path], undefined, path);
  });

  it("have what a system's package manager brought first, and each file once", async () => {
    const { owners } = await found({
      "usr/share/nodejs/node_modules/x/package.json": '{"name":"x"}',
      "usr/share/nodejs/node_modules/x/own.js": "",
      "var/lib/dpkg/info/b.list": "/usr/share/nodejs/node_modules/x/package.json\n",
      "var/lib/dpkg/info/a.list": "/usr/share/nodejs/node_modules/x/package.json\n",
    });
    assert.equal(owners["usr/share/nodejs/node_modules/x/package.json"], "dpkg:a");
    assert.equal(owners["usr/share/nodejs/node_modules/x/own.js"], "usr/share/nodejs/node_modules/x");
  });

  it("have nothing outside of the root, no folders, and nothing that isn't there", async () => {
    const { owners } = await found({
      "d/a": "",
      out: link("/../../d"),
      loop: link("loop"),
      "x/up": link(".."),
      "var/lib/dpkg/info/a.list": "/gone\n/d\n/../../out/a\n/loop/a\n/x/up/x/up/d/..\n",
    });
    // The link leads to the root's own folder, as it does in a container.
    assert.equal(owners["d/a"], "dpkg:a");
    assert.deepEqual([owners["out"], owners["loop"], owners["x/up"]], ["upkeep", "upkeep", "upkeep"]);
  });
});
