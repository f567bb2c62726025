/** Faults that are planted in a sound image, one at a time: each is found, by its code and its path, and nothing else is. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import type { Finding } from "#inspect";
import type { ContainerConfig } from "#oci";
import { elfFile } from "./support/elf-file.ts";
import {
  appEntries,
  baseEntries,
  CONFIG,
  type Entries,
  findingsOf,
  library,
  program,
} from "./support/sound-image.ts";

interface Planted {
  /** Entries that take the place of others, or come beside them. */
  readonly add?: Entries;
  /** Entries that are left out. */
  readonly drop?: readonly string[];
  readonly config?: ContainerConfig;
  readonly finds: readonly (Pick<Finding, "code" | "path"> & {
    severity?: Finding["severity"];
    line?: number;
    says?: RegExp;
  })[];
}

const KEY = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
/** Tokens are put together here, so that nobody takes this file for one that has some. */
const token = (...parts: string[]) => parts.join("");
const GITHUB = token("gh", "p_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fD3gJ6");
const NPM = token("np", "m_", "kQ3xV7bN2mZ8cL5jH1gF4dS6aP9oI0uY3tRe");
const STORE = "/nix/store/0c9qvk9mkkcd5bgfsvqxk1h1zbjr9q1a-hello-2.12";

const PLANTED: Readonly<Record<string, Planted>> = {
  "a program for another processor": {
    add: { "usr/bin/tool": program({ machine: 183 }) },
    finds: [{ code: "wrong-platform", path: "/usr/bin/tool", severity: "error", says: /for arm64/ }],
  },
  "an addon for another processor": {
    add: { "app/build/Release/own.node": library({ machine: 183 }) },
    finds: [{ code: "wrong-platform", path: "/app/build/Release/own.node", severity: "error" }],
  },
  "an addon for another system": {
    add: { "app/build/Release/own.node": { content: Buffer.from("cffaedfe0700000103000000", "hex") } },
    finds: [
      { code: "wrong-platform", path: "/app/build/Release/own.node", severity: "error", says: /Mach-O/ },
    ],
  },
  "another platform's package in place of the right one": {
    add: { "app/node_modules/@x/x-linux-arm64/x.node": library({ machine: 183 }) },
    finds: [{ code: "wrong-platform", path: "/app/node_modules/@x/x-linux-arm64/x.node", severity: "error" }],
  },
  "an addon that is a text": {
    add: { "app/build/Release/own.node": "version https://git-lfs.github.com/spec/v1\n" },
    finds: [
      {
        code: "wrong-platform",
        path: "/app/build/Release/own.node",
        severity: "warning",
        says: /no program/,
      },
    ],
  },
  "an addon that is cut short": {
    add: { "app/build/Release/own.node": { content: elfFile({ needed: ["libc.so.6"] }).subarray(0, 150) } },
    finds: [{ code: "broken-elf", path: "/app/build/Release/own.node", severity: "error" }],
  },
  "a program for musl on glibc": {
    add: { "usr/bin/tool": program({ interpreter: "/lib/ld-musl-x86_64.so.1" }) },
    finds: [{ code: "missing-loader", path: "/usr/bin/tool", severity: "error", says: /musl/ }],
  },
  "a program whose loader is in a store that isn't there": {
    add: { "app/bin/tool": program({ interpreter: `${STORE}/lib/ld-linux-x86-64.so.2` }) },
    finds: [{ code: "missing-loader", path: "/app/bin/tool", severity: "error" }],
  },
  "a program whose library isn't there": {
    add: { "usr/bin/tool": program({ needed: ["libgone.so.1", "libc.so.6"] }) },
    finds: [{ code: "missing-library", path: "/usr/bin/tool", severity: "error", says: /libgone\.so\.1/ }],
  },
  "an addon whose library isn't there": {
    drop: ["app/node_modules/@img/img-lib-linux-x64/lib/libimg.so.1"],
    finds: [
      {
        code: "missing-library",
        path: "/app/node_modules/@img/img-linux-x64/lib/img-linux-x64.node",
        says: /libimg/,
      },
      // Now the package has none that can be loaded.
      {
        code: "missing-library",
        path: "/app/node_modules/@img/img-linuxmusl-x64/lib/img-linuxmusl-x64.node",
      },
      {
        code: "missing-library",
        path: "/app/node_modules/@img/img-linuxmusl-x64/lib/img-linuxmusl-x64.node",
      },
    ],
  },
  "a library's library that isn't there": {
    add: {
      "usr/bin/tool": program({ needed: ["libone.so.1", "libc.so.6"] }),
      "lib64/libone.so.1": library({ needed: ["libtwo.so.2"], neededVersions: {} }),
    },
    finds: [{ code: "missing-library", path: "/lib64/libone.so.1", severity: "error", says: /libtwo/ }],
  },
  "a library that its program and another library need, and that isn't there": {
    add: {
      "usr/bin/tool": program({ needed: ["libtwo.so.2", "libone.so.1", "libc.so.6"] }),
      "lib64/libone.so.1": library({ needed: ["libtwo.so.2"], neededVersions: {} }),
    },
    finds: [
      { code: "missing-library", path: "/lib64/libone.so.1", severity: "error", says: /libtwo/ },
      { code: "missing-library", path: "/usr/bin/tool", severity: "error", says: /libtwo/ },
    ],
  },
  "a plugin whose library isn't there": {
    add: { "usr/lib/plugins/gpu.so": library({ needed: ["libcuda.so.1"], neededVersions: {} }) },
    finds: [{ code: "missing-library", path: "/usr/lib/plugins/gpu.so", severity: "warning" }],
  },
  "a library that is where nobody looks": {
    add: {
      "usr/bin/tool": program({ needed: ["libone.so.1"], neededVersions: {} }),
      "opt/lib/libone.so.1": library(),
    },
    finds: [{ code: "missing-library", path: "/usr/bin/tool" }],
  },
  "a library for another processor": {
    add: {
      "usr/bin/tool": program({ needed: ["libone.so.1"], neededVersions: {} }),
      "lib64/libone.so.1": library({ machine: 183 }),
    },
    finds: [
      { code: "missing-library", path: "/usr/bin/tool" },
      { code: "wrong-platform", path: "/lib64/libone.so.1", severity: "warning" },
    ],
  },
  "a program that needs a newer glibc": {
    add: { "usr/bin/tool": program({ neededVersions: { "libc.so.6": ["GLIBC_2.38"] } }) },
    finds: [
      {
        code: "missing-version",
        path: "/usr/bin/tool",
        severity: "error",
        says: /GLIBC_2\.38.*no newer than GLIBC_2\.36/,
      },
    ],
  },
  "an addon for another version of Node.js": {
    add: { "app/build/Release/own.node": library({ symbols: ["node_register_module_v115"] }) },
    finds: [
      {
        code: "wrong-addon-version",
        path: "/app/build/Release/own.node",
        severity: "error",
        says: /interface 115 \(Node\.js 20\), .* has 137 \(Node\.js 24\); rebuild it/,
      },
    ],
  },
  "a command that isn't there": {
    config: { ...CONFIG, Cmd: ["nodejs", "index.js"] },
    finds: [{ code: "command-not-found", path: "config.Cmd", severity: "error", says: /nodejs/ }],
  },
  "an entry point that isn't there": {
    config: { ...CONFIG, Entrypoint: ["/entry.sh"] },
    finds: [{ code: "command-not-found", path: "config.Entrypoint", severity: "error" }],
  },
  "a file for Node.js that isn't there": {
    config: { ...CONFIG, Cmd: ["node", "--enable-source-maps", "dist/server.js"] },
    finds: [{ code: "command-not-found", path: "config.Cmd", severity: "error", says: /dist\/server\.js/ }],
  },
  "a command that nobody may execute": {
    add: { "entry.sh": "#!/bin/sh\n" },
    config: { ...CONFIG, Entrypoint: ["/entry.sh"] },
    finds: [{ code: "command-not-executable", path: "config.Entrypoint", severity: "error" }],
  },
  "a command whose interpreter isn't there": {
    add: { "entry.sh": { mode: 0o755, content: "#!/bin/bash\n" } },
    config: { ...CONFIG, Entrypoint: ["/entry.sh"] },
    finds: [{ code: "missing-interpreter", path: "/entry.sh", severity: "error", says: /\/bin\/bash/ }],
  },
  "a package's program whose interpreter isn't there": {
    add: { "app/node_modules/tool/tool.js": { mode: 0o755, content: "#!/usr/bin/env python3\n" } },
    finds: [
      {
        code: "missing-interpreter",
        path: "/app/node_modules/tool/tool.js",
        severity: "warning",
        says: /python3/,
      },
    ],
  },
  "a user that isn't there": {
    config: { ...CONFIG, User: "app" },
    finds: [{ code: "unknown-user", path: "config.User", severity: "error" }],
  },
  "a group that isn't there": {
    config: { ...CONFIG, User: "node:web" },
    finds: [{ code: "unknown-user", path: "config.User", severity: "error", says: /group web/ }],
  },
  "a folder to begin in that is a file": {
    config: { ...CONFIG, WorkingDir: "/app/index.js", Cmd: ["node"] },
    finds: [{ code: "missing-working-directory", path: "config.WorkingDir", severity: "error" }],
  },
  "a folder to begin in that isn't there": {
    config: { ...CONFIG, WorkingDir: "/srv/app", Cmd: ["node"] },
    finds: [{ code: "missing-working-directory", path: "config.WorkingDir", severity: "warning" }],
  },
  "a project for a newer Node.js": {
    add: { "app/package.json": '{ "engines": { "node": "^26.1" } }' },
    finds: [{ code: "wrong-node-version", path: "/app/package.json", severity: "warning", says: /24\.1\.0/ }],
  },
  "a link that leads nowhere": {
    add: { "app/current": { link: "releases/7" } },
    finds: [{ code: "dangling-link", path: "/app/current", severity: "warning" }],
  },
  "a link that leaves the root": {
    add: { "app/up": { link: "../../../etc/passwd" } },
    finds: [{ code: "link-leaves-root", path: "/app/up", severity: "warning" }],
  },
  "a circle of links": {
    add: { "app/a": { link: "b" }, "app/b": { link: "a" } },
    finds: [
      { code: "link-circle", path: "/app/a", severity: "warning" },
      { code: "link-circle", path: "/app/b", severity: "warning" },
    ],
  },
  "a program that runs as root": {
    add: { "usr/bin/su": { ...program(), mode: 0o4755 } },
    finds: [{ code: "set-user-id", path: "/usr/bin/su", severity: "warning", says: /user 0.*4755/ }],
  },
  "a folder that everybody may write to": {
    add: { data: { dir: true, mode: 0o777 } },
    finds: [{ code: "world-writable", path: "/data", severity: "warning" }],
  },
  "a private key": {
    add: { "app/tls/server.key": `\n${KEY}` },
    finds: [{ code: "private-key", path: "/app/tls/server.key", severity: "error", line: 2 }],
  },
  "a private key in a program's text": {
    add: { "app/config.js": `export const key = ${JSON.stringify(KEY)};\n` },
    finds: [{ code: "private-key", path: "/app/config.js", severity: "error", line: 1 }],
  },
  "a package's key": {
    add: { "app/node_modules/tool/test/server.key": KEY },
    finds: [{ code: "private-key", path: "/app/node_modules/tool/test/server.key", severity: "warning" }],
  },
  "a token": {
    add: { "app/deploy.sh": `a\nb\nexport TOKEN=${GITHUB}\n` },
    finds: [{ code: "secret-token", path: "/app/deploy.sh", severity: "error", line: 3, says: /GitHub/ }],
  },
  "a registry's token in npm's settings": {
    add: {
      "app/.npmrc": `save-exact=true\n//registry.npmjs.org/:_authToken=${NPM}\n//else/:_authToken=0123456789abcdef\n`,
    },
    finds: [
      { code: "secret-token", path: "/app/.npmrc", severity: "error", line: 2, says: /npm/ },
      { code: "secret-token", path: "/app/.npmrc", severity: "error", line: 3, says: /registry/ },
    ],
  },
  "a store path that isn't there": {
    add: { "app/env.sh": `PATH=${STORE}/bin\n` },
    finds: [{ code: "missing-store-path", path: "/app/env.sh", severity: "warning", line: 1 }],
  },
  "the builder's home": {
    add: { "app/dist/app.js.map": '{"sources":["/home/ada/work/app.ts"]}' },
    finds: [{ code: "builder-home", path: "/app/dist/app.js.map", severity: "warning", line: 1 }],
  },
};

function plant({ add = {}, drop = [] }: Planted): Entries {
  const entries: Entries = { ...appEntries(), ...add };
  for (const name of drop) delete entries[name];
  return entries;
}

const HOME = "/home/ada";

describe("what is planted in a sound image", () => {
  it("is nothing, and nothing is found", async () => {
    assert.deepEqual(await findingsOf([baseEntries(), appEntries()], { home: HOME }), []);
  });

  it("are thirty faults and more", () => assert.ok(Object.keys(PLANTED).length >= 30));

  for (const [name, planted] of Object.entries(PLANTED)) {
    it(`is found: ${name}`, async () => {
      const { config = CONFIG, finds } = planted;
      const findings = await findingsOf([baseEntries(), plant(planted)], { config, home: HOME });
      const shown = findings
        .map(({ severity, code, path, message }) => `${severity} ${code} ${path}: ${message}`)
        .join("\n");
      assert.deepEqual(
        findings.map(({ code, path }) => `${code} ${path}`).sort(),
        finds.map(({ code, path }) => `${code} ${path}`).sort(),
        shown,
      );
      for (const { code, path, severity, line, says } of finds) {
        const fits = (finding: Finding) =>
          finding.code === code &&
          finding.path === path &&
          (severity === undefined || finding.severity === severity) &&
          (line === undefined || finding.line === line) &&
          (says === undefined || says.test(finding.message));
        assert.ok(findings.some(fits), shown);
      }
      // A secret's place is told, and never the secret.
      for (const secret of [GITHUB, NPM, KEY.split("\n")[1]!])
        assert.ok(!JSON.stringify(findings).includes(secret));
    });
  }

  it("is no more than a warning where the image is a part of another", async () => {
    const alone = { "app/index.js": "1", "app/node_modules/tool/tool": program() };
    const findings = await findingsOf([alone], { config: CONFIG });
    assert.deepEqual(
      findings.map(({ severity, code }) => `${severity} ${code}`),
      ["warning missing-loader", "warning command-not-found", "warning unknown-user"],
    );
  });

  it("is the base's alone if the base has it by itself", async () => {
    for (const planted of Object.values(PLANTED)) {
      const base = { ...baseEntries(), ...plant(planted) };
      const { config = CONFIG } = planted;
      const findings = await findingsOf([base, { "srv/own.txt": "own" }], {
        config,
        base: { layers: 1, config },
        home: HOME,
      });
      assert.equal(findings.length, planted.finds.length);
      assert.deepEqual(
        findings.filter(({ isBase }) => !isBase),
        [],
      );
    }
  });

  it("is the image's own if its layers take away what the base needs", async () => {
    const base = {
      ...baseEntries(),
      "usr/bin/tool": program({ needed: ["libone.so.1", "libc.so.6"] }),
      "lib64/libone.so.1": library(),
    };
    const findings = await findingsOf([base, { "lib64/.wh.libone.so.1": "", ...appEntries() }], {
      base: { layers: 1, config: CONFIG },
    });
    assert.deepEqual(
      findings.map(({ code, path, isBase }) => [code, path, isBase]),
      [["missing-library", "/usr/bin/tool", false]],
    );
  });
});
