import assert from "node:assert/strict";
import { it } from "node:test";
import { dockerArchiveSink, fileOutput, ociArchiveSink, ociLayoutSink } from "#formats";
import { readGraph } from "#graph";
import { draftOf } from "#image";
import { openProject } from "#project";
import type { ImageSpecInput } from "#spec";
import { madeImage } from "#testing";
import { writeImage } from "#write";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

it("what is in node_modules is looked at by its name, be that no UTF-8", async (t) => {
  const folder = `${await temporaryFolder(t)}/project`;
  const json = (value: unknown) => ({ file: JSON.stringify(value) });
  const packages = { "node_modules/a": { version: "1.0.0" } };
  const odd = { "\udcff": { file: "" }, "in\udcff": { link: "\udcff" }, "out\udcff": { link: "gone\udcff" } };
  writeTree(folder, {
    dir: {
      "package.json": json({ name: "odd", version: "1.0.0", main: "index.js", dependencies: { a: "1" } }),
      "index.js": { file: "" },
      node_modules: {
        dir: {
          ".package-lock.json": json({ lockfileVersion: 3, packages }),
          ".bin": { dir: odd },
          a: { dir: { "package.json": json({ name: "a", version: "1.0.0" }) } },
          ...odd,
        },
      },
    },
  });
  const fields = { files: [{ from: folder, to: "/app" }], cmd: "node index.js" };
  for (const given of [{}, fields]) {
    const project = await openProject(folder, { base: "scratch", change: () => given });
    const { list } = project.staysOut(await readGraph(folder));
    assert.deepEqual(
      list.map(({ path, reason }) => `${path}: ${reason}`),
      [
        "node_modules/.bin/out\udcff: links that lead nowhere",
        "node_modules/.package-lock.json: package managers' files",
        "node_modules/out\udcff: links that lead nowhere",
      ],
    );
  }
});

it("what tools keep beside a project for themselves or for whoever develops it is told by its name, and what isn't is not", async (t) => {
  const folder = `${await temporaryFolder(t)}/project`;
  const file = { file: "" };
  const account = { file: '{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----"}' };
  const out = {
    caches: {
      ...{ ".angular": { dir: { x: file } }, ".astro": { dir: { x: file } }, ".nx": { dir: { x: file } } },
      ...{ ".svelte-kit": { dir: { x: file } }, ".swc": { dir: { x: file } }, ".stylelintcache": file },
      ...{ ".react-router": { dir: { x: file } }, ".tanstack": { dir: { x: file } } },
    },
    "Docker's files": { "compose.yaml": file, "docker-compose.dev.yml": file },
    secrets: {
      ...{ ".aws": { dir: { credentials: file } }, ".dev.vars": file, ".sentryclirc": file },
      ".yarnrc": { file: '"//registry.example.com/:_authToken" abc' },
      "bunfig.toml": {
        file: '[install.scopes]\n"@me" = { token = "abc", url = "https://registry.example.com" }',
      },
      "shop-prod-0123456789ab.json": account,
      "serviceAccount.json": account,
    },
  };
  const inside = {
    ...{ ".tmp": { dir: { x: file } }, "composer.yaml": file, "keys.json": { file: "{}" }, "index.js": file },
    "package.json": { file: JSON.stringify({ name: "tools" }) },
  };
  writeTree(folder, { dir: { ...out.caches, ...out["Docker's files"], ...out.secrets, ...inside } });
  const project = await openProject(folder, { base: "scratch" });
  const { list } = project.staysOut(await readGraph(folder));
  const wanted = Object.entries(out).flatMap(([reason, files]) =>
    Object.keys(files).map((name) => `${name}: ${reason}`),
  );
  assert.deepEqual(list.map(({ path, reason }) => `${path}: ${reason}`).sort(), wanted.sort());
});

it("images that builds before have put into the project are in none", async (t) => {
  const folder = `${await temporaryFolder(t)}/project`;
  const draft = draftOf(await madeImage([{ entries: { "etc/name": "a" } }]));
  const text = (content: string) => ({ file: content });
  writeTree(folder, {
    dir: {
      "package.json": text(JSON.stringify({ name: "a", version: "1.0.0", main: "index.js" })),
      "index.js": text(""),
      "data.tar": text("blobs of another kind"),
      assets: { dir: { "index.json": text("{}"), blobs: { dir: { a: text("") } } } },
      old: { dir: {} },
    },
  });
  await writeImage(draft, [
    dockerArchiveSink({ output: fileOutput(`${folder}/app.tar`) }),
    ociArchiveSink({ output: fileOutput(`${folder}/old/app.tar`) }),
    ociLayoutSink({ path: `${folder}/old/layout` }),
  ]);
  const leftOut = async (fields: Pick<ImageSpecInput, "include">) => {
    const project = await openProject(folder, { base: "scratch", change: () => fields });
    return project.staysOut(await readGraph(folder)).list.map(({ path, reason }) => `${path}: ${reason}`);
  };
  assert.deepEqual(await leftOut({}), ["app.tar: images", "old/app.tar: images", "old/layout: images"]);
  assert.deepEqual(await leftOut({ include: ["app.tar", "old/layout"] }), ["old/app.tar: images"]);
});
