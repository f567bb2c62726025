/**
 * Runs the code blocks of the documentation as they stand, page by page, as a reader would who types them one after the
 * other: shell, TypeScript and Nix, with varve installed from its package. Public names lead to a registry on this machine.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { prepare } from "../../examples/nix/prepare.ts";
import { blocksOf, type DocBlock, documentedPages, failureOf } from "../support/doc-blocks.ts";
import { type Finished, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, stacked, temporaryFolder } from "../support/tmp.ts";
import { cloneRepository } from "./support/clone.ts";
import { startDockerd } from "./support/dockerd.ts";
import { startNixImages } from "./support/nix-images.ts";
import { node22, noNode22 } from "./support/node-22.ts";
import { installVarve, linkModules } from "./support/package.ts";
import { startSmallInternet } from "./support/small-internet.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** What is true when a page's blocks were run, in shell. */
const OUTCOMES: Readonly<Record<string, string>> = {
  "docs/api.md": `
    varve validate docker://ghcr.io/me/hello:2
    varve export docker://ghcr.io/me/hello:2 --quiet | tar t | grep -x -e bin/node -e app/index.js | wc -l | grep -x 2
  `,
  "docs/attest.md": `
    varve tree ghcr.io/me/mirrored:1 | grep vnd.openvex+json
    varve verify ghcr.io/me/attested:2 --key my.pub --type slsaprovenance1
    varve validate docker://ghcr.io/me/signed:1
  `,
  "docs/bake.md": `
    for image in shop/api:1.0.0 shop/web:1.0.0 alone:1 api:2 web:2 static:3 api:jobs; do varve validate docker://ghcr.io/me/$image; done
  `,
  "docs/customisation.md": `
    for image in base hello one made; do varve validate $image.tar; done
    test ! -e failed.tar
  `,
  "docs/dockertools.md": "./result >stream.tar && varve validate stream.tar",
  "docs/nix.md": `
    for place in closure.tar docker://ghcr.io/me/hello:nix; do varve validate $place; done
    docker image inspect streamed:1 hello:nix
    test -s plan.html
  `,
};

/** Pages whose blocks need npm's registry and containers with a network, and where they are run. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "README.md": "node-guide.test.ts",
  "docs/ci.md": "ci.test.ts",
  "docs/node.md": "node-guide.test.ts",
};

/** Where the blocks are run. */
interface Reader {
  /** Runs a text in bash. */
  shell(text: string, folder: string): Promise<Finished>;
  mustShell(text: string, folder: string): Promise<string>;
  /** Makes a page's folder, which has what each page takes for granted. */
  folderFor(page: string): string;
  /** Has another program be `node` from now on. */
  useNode(program: string): void;
  /** Makes what a block takes for granted. */
  arrange(block: DocBlock, folder: string): Promise<void>;
}

async function startReader(scope: Scope): Promise<Reader> {
  const home = await temporaryFolder(scope);
  const internet = await startSmallInternet(scope);
  const docker = await startDockerd(scope);
  const images = await startNixImages(scope);
  const varve = await installVarve(`${home}/lib/node_modules`);
  for (const folder of ["bin", "node"]) mkdirSync(`${home}/${folder}`);
  symlinkSync(`${varve}/dist/bin.js`, `${home}/bin/varve`);
  await copyRepository(`${home}/varve`);
  mkdirSync(`${home}/nixpkgs`);
  // What stands in for nixpkgs is what `examples/nix` is made of.
  const debs = path("examples/nix/debs");
  prepare(debs);
  const packages = `{ ... }: import ${path("examples/nix/packages.nix")} { debs = ${debs}; }\n`;
  writeFileSync(`${home}/nixpkgs/default.nix`, packages);
  const env = {
    ...images.nix.env,
    ...internet.env,
    HOME: home,
    PATH: `${home}/node:${home}/bin:${process.env["PATH"]}`,
    VARVE_CACHE_DIR: `${home}/cache`,
    DOCKER_HOST: `unix://${docker.socket}`,
    NIX_PATH: `nixpkgs=${home}/nixpkgs`,
  };

  const shell: Reader["shell"] = (text, folder) => {
    const command = images.nix.inside([
      "sh",
      "-c",
      'cd "$1" && exec bash -euo pipefail -c "$2"',
      "sh",
      folder,
      text,
    ]);
    return run(internet.inside(command), { env, timeoutSeconds: 500 });
  };
  const mustShell: Reader["mustShell"] = async (text, folder) => {
    const { code, stdout, stderr } = await shell(text, folder);
    assert.equal(code, 0, `${text}\n${stdout}\n${stderr}`);
    return stdout.toString();
  };
  const folderFor: Reader["folderFor"] = (page) => {
    const folder = mkdtempSync(`${home}/${page.replaceAll("/", "-")}.d`);
    mkdirSync(`${folder}/node_modules`);
    symlinkSync(`${home}/varve`, `${folder}/varve`);
    symlinkSync(varve, `${folder}/node_modules/varve`);
    linkModules(`${folder}/node_modules`, ["@types/node", "undici-types"]);
    return folder;
  };
  const useNode: Reader["useNode"] = (program) => {
    rmSync(`${home}/node/node`, { force: true });
    symlinkSync(program, `${home}/node/node`);
  };
  const arrange: Reader["arrange"] = async ({ text }, folder) => {
    // The conf that dockerTools gives to its script.
    if (text.includes("varve stream conf.json")) {
      const { conf } = await images.stream({ name: "streamed", program: images.base, env: [] });
      cpSync(conf, `${folder}/conf.json`);
    }
  };

  // The base image that the pages name.
  writeFileSync(
    `${home}/base.json`,
    '{"name": "base", "copyToRoot": "base", "config": {"Env": ["PATH=/base/bin"]}}',
  );
  mkdirSync(`${home}/base/bin`, { recursive: true });
  writeFileSync(`${home}/base/bin/node`, "a program");
  await mustShell("varve build base.json --push node:22-slim", home);
  return { shell, mustShell, folderFor, useNode, arrange };
}

/** A clone, with what npm makes in it. */
async function copyRepository(folder: string): Promise<void> {
  await cloneRepository(folder);
  cpSync(path("dist"), `${folder}/dist`, { recursive: true });
  symlinkSync(path("node_modules"), `${folder}/node_modules`);
}

describe("the documentation's code blocks, run as they stand", {
  skip: requires("root", "nix", "docker", "registry", "openssl", "busybox", "debianPackages"),
}, () => {
  const scope = stacked({ after });
  let reader: Reader;
  before(async () => {
    reader = await startReader(scope);
  });

  const runs: Record<string, (block: DocBlock, folder: string) => Promise<unknown>> = {
    json: async ({ path: name, text }, folder) => writeFileSync(`${folder}/${name}`, text),
    nix: async ({ text }, folder) => {
      writeFileSync(`${folder}/default.nix`, text);
      await reader.mustShell("nix-build", folder);
    },
    ts: async ({ text, line }, folder) => {
      const file = `line-${line}.mts`;
      writeFileSync(`${folder}/${file}`, text);
      const options =
        "--strict --noEmit --module nodenext --target es2024 --lib es2024,esnext.disposable --types node";
      await reader.mustShell(`tsc ${options} ${file}`, folder);
      // Node.js 22.15 doesn't take types away by itself.
      await reader.mustShell(`node --no-warnings --experimental-strip-types ${file}`, folder);
    },
    sh: async ({ text }, folder) => {
      const failure = failureOf(text);
      if (failure === undefined) {
        await reader.mustShell(text, folder);
        return;
      }
      const { code, stderr } = await reader.shell(text, folder);
      assert.notEqual(code, 0);
      assert.match(stderr, failure);
    },
  };

  const versions = {
    "Node.js 22.15": { skip: noNode22, program: node22 },
    "this Node.js": { skip: false, program: async () => process.execPath },
  };
  for (const [version, { skip, program }] of Object.entries(versions)) {
    describe(`with ${version}`, { skip }, () => {
      before(async () => reader.useNode(await program()));
      for (const page of documentedPages().filter((page) => !(page in ELSEWHERE))) testPage(page);
    });
  }

  function testPage(page: string): void {
    const blocks = blocksOf(page).filter(
      ({ language, notRun }) => language !== "text" && notRun === undefined,
    );
    if (blocks.length === 0) return;
    it(`of ${page}`, async (t) => {
      const folder = reader.folderFor(page);
      for (const block of blocks) {
        // Each goes on where the one before it ended.
        await t.test(`in line ${block.line}`, async () => {
          await reader.arrange(block, folder);
          await runs[block.language]!(block, folder);
        });
      }
      await t.test("and what they make is there", async () => {
        assert.ok(OUTCOMES[page] !== undefined, "a page with blocks has an outcome");
        await reader.mustShell(OUTCOMES[page], folder);
      });
    });
  }
});
