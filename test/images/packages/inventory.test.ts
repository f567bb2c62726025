import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { FoundPackage } from "#packages";
import { layersInventory } from "#packages";
import { EntryType } from "#tar";
import { type MadeEntry, madeImage } from "#testing";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { rpmDatabase, rpmHeader } from "./rpm.ts";

type Entries = Readonly<Record<string, string | MadeEntry>>;

/** What is installed in an image of these layers, from the bottom up. */
async function found(...layers: Entries[]) {
  const image = await madeImage(layers.map((entries) => ({ entries })));
  const { packages, distribution } = await layersInventory(image.layers);
  return { distribution, packages, byId: new Map(packages.map((each) => [each.id, each])) };
}

const said = ({ id, version, licence, needs, layer }: FoundPackage) => [id, version, licence, needs, layer];

const link = (target: string): MadeEntry => ({ link: target });

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u10
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Depends: libgcc-s1, libcrypt1 (>= 1:4.4)
Description: x
 Package: nobody

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Version: 12.2.0-14
Depends: gcc-12-base (= 12.2.0-14), libc6 (>= 2.35), nowhere | awk | gone

Package: mawk
Status: install ok installed
Architecture: amd64
Version: 1.3.4
Provides: awk (= 1)

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
`;

describe("what is installed in a root", () => {
  const scope = stacked({ after });

  it("is Debian's, with licences, sources and what it needs, in the layers that brought it", async () => {
    const { byId, packages, distribution } = await found(
      {
        "etc/os-release": link("../usr/lib/os-release"),
        "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
        "var/lib/dpkg/status": "Package: libc6\nVersion: 1\n",
        "var/lib/dpkg/info/libc6:amd64.list": "",
        "usr/share/doc/libc6/copyright":
          "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: LGPL-2.1+\n\nFiles: a\nCopyright: x\nLicense: GPL-2+ or Expat\n More\n\nFiles: b\nLicense: LGPL-2.1+\n\nLicense: GPL-3\n text\n",
        "usr/share/doc/libgcc-s1": link("gcc-12-base"),
        "usr/share/doc/gcc-12-base/copyright": "This isn't for machines.\nLicense: GPL\n",
      },
      { "var/lib/dpkg/status": STATUS, "var/lib/dpkg/info/mawk.list": "" },
    );
    assert.deepEqual(distribution, {
      id: "debian",
      version: "12",
      name: "Debian GNU/Linux 12 (bookworm)",
      layer: 0,
    });
    assert.deepEqual(packages.map(said), [
      [
        ...["dpkg:libc6:amd64", "2.36-9+deb12u10", "LGPL-2.1-or-later AND (GPL-2.0-or-later OR MIT)"],
        ...[["dpkg:libgcc-s1:amd64"], 0],
      ],
      ["dpkg:libgcc-s1:amd64", "12.2.0-14", undefined, ["dpkg:libc6:amd64", "dpkg:mawk:amd64"], 1],
      ["dpkg:mawk:amd64", "1.3.4", undefined, [], 1],
    ]);
    const libc = byId.get("dpkg:libc6:amd64")!;
    assert.deepEqual(libc.source, { name: "glibc", version: "2.36-9" });
    assert.equal(libc.supplier, "GNU Libc Maintainers <debian-glibc@lists.debian.org>");
  });

  it("is what distroless images list", async () => {
    const { packages } = await found({
      "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2026a\nArchitecture: all\n",
      "var/lib/dpkg/status.d/tzdata.md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n",
    });
    assert.deepEqual(packages.map(said), [["dpkg:tzdata:all", "2026a", undefined, [], 0]]);
  });

  it("is Alpine's", async () => {
    const { byId } = await found(
      { "lib/ld-musl.so": "x" },
      {
        "bin/busybox": "x",
        "lib/apk/db/installed":
          "C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nm:A <a@example.com>\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl.so\n\nP:busybox-binsh\nV:1.36.1-r29\nL:GPL-2.0-only\no:busybox\nD:so:libc.musl-x86_64.so.1 !gone busybox=1.36.1-r29\nF:bin\nR:busybox\n",
      },
    );
    assert.deepEqual(said(byId.get("apk:musl")!), ["apk:musl", "1.2.5-r0", "MIT", [], 0]);
    const busybox = byId.get("apk:busybox-binsh")!;
    assert.deepEqual([busybox.needs, busybox.source, busybox.layer], [["apk:musl"], { name: "busybox" }, 1]);
  });

  it("is RPM's", async () => {
    const texts = {
      1011: ["Fedora Project"],
      1014: ["GPL-3.0-or-later"],
      1044: ["bash-shell-5.2-1.fc40.src.rpm"],
      1049: ["/usr/lib/libtinfo.so", "rpmlib(x)", "webclient"],
    };
    const headers = [
      rpmHeader({ name: "bash", version: "5.2", files: ["/usr/bin/bash"], texts }),
      rpmHeader({ name: "tinfo", version: "6", files: ["/usr/lib/libtinfo.so"] }),
      rpmHeader({ name: "curl", version: "8", files: [], texts: { 1047: ["curl", "webclient"] } }),
      rpmHeader({ name: "gpg-pubkey", version: "1", files: [] }),
    ];
    const database = rpmDatabase(headers, await temporaryFolder(scope));
    const { byId } = await found({ "usr/lib/sysimage/rpm/rpmdb.sqlite": { content: database } });
    assert.deepEqual([...byId.keys()], ["rpm:bash.x86_64", "rpm:curl.x86_64", "rpm:tinfo.x86_64"]);
    const bash = byId.get("rpm:bash.x86_64")!;
    assert.deepEqual(said(bash), [
      ...["rpm:bash.x86_64", "5.2-1.fc40", "GPL-3.0-or-later"],
      ...[["rpm:tinfo.x86_64", "rpm:curl.x86_64"], 0],
    ]);
    assert.deepEqual(
      [bash.supplier, bash.source],
      ["Fedora Project", { name: "bash-shell", version: "5.2-1.fc40" }],
    );
  });

  it("is Python's", async () => {
    const folder = "usr/lib/python3/dist-packages";
    const { byId } = await found({
      [`${folder}/Foo_Bar-1.2.dist-info/METADATA`]:
        "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.2\nClassifier: License :: OSI Approved :: MIT License\nAuthor-email: A <a@example.com>\nRequires-Dist: baz-qux (>=1)\nRequires-Dist: other; extra == 'x'\n\nName: nobody\n",
      [`${folder}/baz_qux-2.egg-info`]:
        "Metadata-Version: 1.0\nName: baz.qux\nVersion: 2\nLicense: BSD-3-Clause\n",
      [`${folder}/other-1.egg-info/PKG-INFO`]: "Name: other\nVersion: 1\nLicense: UNKNOWN\n",
    });
    const foo = byId.get(`python:${folder}/Foo_Bar-1.2.dist-info/METADATA`)!;
    assert.deepEqual(
      [foo.name, foo.version, foo.licence, foo.author],
      ["Foo_Bar", "1.2", "MIT", "A <a@example.com>"],
    );
    assert.deepEqual(foo.needs, [`python:${folder}/baz_qux-2.egg-info`]);
    assert.equal(byId.size, 3);
  });

  it("is Node's, nested, linked and global, and projects", async () => {
    const manifest = (name: string, more: object = {}) => JSON.stringify({ name, version: "1.0.0", ...more });
    const { packages, byId } = await found({
      "app/package.json": manifest("shop", { dependencies: { a: "1", "@s/b": "1" }, license: "UNLICENSED" }),
      "app/node_modules/a/package.json": manifest("a", {
        dependencies: { c: "1" },
        license: { type: "MIT" },
      }),
      "app/node_modules/a/test/package.json": manifest("a-test"),
      "app/node_modules/a/node_modules/c/package.json": manifest("c", {
        licenses: [{ type: "MIT" }, { type: "ISC" }],
      }),
      "app/node_modules/c/package.json": manifest("c"),
      "app/node_modules/@s/b": link("../.pnpm/b@1/node_modules/@s/b"),
      "app/node_modules/.pnpm/b@1/node_modules/@s/b/package.json": manifest("@s/b", {
        dependencies: { c: "1" },
      }),
      "app/node_modules/.pnpm/b@1/node_modules/c": link("../../c@1/node_modules/c"),
      "app/node_modules/.pnpm/c@1/node_modules/c/package.json": manifest("c", {
        author: { name: "C", email: "c@example.com" },
      }),
      "usr/local/lib/node_modules/npm/package.json": manifest("npm", { dependencies: { d: "1" } }),
      "usr/local/lib/node_modules/npm/node_modules/d/package.json": "no JSON",
      "usr/local/include/node/node_version.h":
        "#define NODE_MAJOR_VERSION 22\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 0\n",
      "etc/package.json": "{}",
    });
    assert.deepEqual(
      packages.map(({ id, needs }) => [id, needs]),
      [
        ["/app", ["/app/node_modules/a", "/app/node_modules/.pnpm/b@1/node_modules/@s/b"]],
        ["/app/node_modules/.pnpm/b@1/node_modules/@s/b", ["/app/node_modules/.pnpm/c@1/node_modules/c"]],
        ["/app/node_modules/.pnpm/c@1/node_modules/c", []],
        ["/app/node_modules/a", ["/app/node_modules/a/node_modules/c"]],
        ["/app/node_modules/a/node_modules/c", []],
        ["/app/node_modules/c", []],
        ["/usr/local/lib/node_modules/npm", ["/usr/local/lib/node_modules/npm/node_modules/d"]],
        ["/usr/local/lib/node_modules/npm/node_modules/d", []],
        ["node:/usr/local", []],
      ],
    );
    assert.equal(byId.get("/app")!.isApplication, true);
    assert.equal(byId.get("/app/node_modules/a")!.licence, "MIT");
    assert.equal(byId.get("/app/node_modules/a/node_modules/c")!.licence, "(MIT OR ISC)");
    assert.equal(byId.get("/app/node_modules/.pnpm/c@1/node_modules/c")!.author, "C <c@example.com>");
    assert.equal(byId.get("node:/usr/local")!.version, "22.1.0");
  });

  it("is what is there in the end, whatever lower layers had", async () => {
    const { packages } = await found(
      {
        "a/node_modules/x/package.json": '{"version":"1.0.0"}',
        "a/node_modules/y/package.json": '{"version":"1.0.0"}',
      },
      { "a/node_modules/.wh.x": "", "a/node_modules/y/package.json": '{"version":"2.0.0"}' },
    );
    assert.deepEqual(packages.map(said), [["/a/node_modules/y", "2.0.0", undefined, [], 1]]);
  });

  it("is found under a name that its layer has for something else", async () => {
    const { packages } = await found({
      "stored/x": '{"name":"x","version":"1.0.0"}',
      "a/node_modules/x/package.json": { type: EntryType.hardLink, linkname: "stored/x" },
    });
    assert.deepEqual(packages.map(said), [["/a/node_modules/x", "1.0.0", undefined, [], 0]]);
  });

  it("is store paths", async () => {
    const path = `nix/store/${"a".repeat(32)}-hello-2.12`;
    const { packages } = await found({
      [`${path}/bin/hello`]: "",
      "nix/store/.links/x": "",
      [`${path}.drv`]: "",
    });
    assert.deepEqual(packages.map(said), [[`/${path}`, "", undefined, [], 0]]);
  });
});
