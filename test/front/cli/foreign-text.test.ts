/** What others wrote never reaches the terminal as it is; programs get it exactly. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { FakeRegistry, fail } from "#testing";
import { COMMANDS } from "../../../src/front/cli/commands.ts";
import { startFakeDaemon } from "../../places/daemon/support/fake-daemon.ts";
import {
  assertFit,
  HOSTILE,
  hostileImage,
  publish,
  stringsIn,
  writeArchive,
  writeHostileSources,
  writeLayout,
} from "../../support/hostile-text.ts";
import { type RunOptions, run } from "../../support/process.ts";
import { writeKeys } from "../../support/signing-keys.ts";
import { writeCase } from "../../support/stream-oracle.ts";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

interface Case {
  readonly args: readonly string[];
  /** The exit status; 0 unless said. */
  readonly status?: number;
  /** Whether stdout is an image. */
  readonly archive?: true;
  /** Whether nothing foreign is told. */
  readonly silent?: true;
  readonly input?: string;
  readonly env?: NonNullable<RunOptions["env"]>;
  /** A file that is for people as well. */
  readonly page?: string;
}

/** An SBOM with one component. */
const sbomOf = (text: string) => ({
  bomFormat: "CycloneDX",
  components: [{ type: text, name: text, version: text, licenses: [{ license: { name: text } }] }],
});

describe("foreign text in what is printed", () => {
  const scope = stacked({ after });
  let folder: string;
  let cases: Record<string, readonly Case[]>;

  before(async () => {
    // Its own name is in every path that is told.
    folder = `${await temporaryFolder(scope)}/${HOSTILE}`;
    mkdirSync(folder);
    writeHostileSources(folder);
    writeKeys(folder, { name: `my${HOSTILE}` });
    writeKeys(folder, { name: "other" });
    await writeLayout(await hostileImage(), `${folder}/layout${HOSTILE}`);
    await writeLayout(await hostileImage("other"), `${folder}/other`);
    await writeArchive(await hostileImage(), `${folder}/image${HOSTILE}.tar`);
    const registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    await publish(await hostileImage(), registry, "app");
    registry.quirk = (_request, response, { method, path }) => {
      if (path.startsWith("/v2/denied/") && method === "HEAD") response.writeHead(404).end();
      else if (path.startsWith("/v2/denied/")) fail(response, 403, HOSTILE, HOSTILE);
      // What a header can hold of it.
      else if (path.startsWith("/v2/moved/")) response.writeHead(307, { location: "x:\u009b31m" }).end();
      else if (path.startsWith("/v2/odd/"))
        response.writeHead(200, { "content-type": "\u009b31m" }).end("{}");
      else return false;
      return true;
    };
    const daemon = await startFakeDaemon(scope, (request, response) => {
      request.resume();
      response.writeHead(500).end(JSON.stringify({ message: HOSTILE }));
    });
    writeCases({ registry: registry.host, daemon: daemon.host });
  });

  function writeCases({ registry, daemon }: { registry: string; daemon: string }) {
    const json = (name: string, value: unknown) => {
      writeFileSync(`${folder}/${name}`, JSON.stringify(value));
      return name;
    };
    const [layout, archive] = [`oci:layout${HOSTILE}:1`, `image${HOSTILE}.tar`];
    const out = (place: string) => place.replace("OUT", `out${HOSTILE}`);
    const denied = `docker://${registry}/denied:1`;
    const gone = `gone${HOSTILE}`;
    const attached = ["graph.json:text/plain", "--artifact-type", "a/b", "--annotation", `a=${HOSTILE}`];
    const store = { [`a${HOSTILE}`]: { file: "x" } } as const;
    const conf = writeCase(`${folder}/case`, { store });
    const wrong = writeCase(`${folder}/wrong`, { conf: { created: HOSTILE } });
    const attributes = json("attributes.json", {
      outputs: { out: `${folder}/nix${HOSTILE}` },
      spec: { [HOSTILE]: 1 },
      path: [],
      gnuTar: false,
    });
    const onNix = { NIX_ATTRS_JSON_FILE: attributes };
    const layers = {
      NIX_ATTRS_JSON_FILE: json("layers.json", {
        outputs: { out: "/out" },
        compressor: HOSTILE,
        imageName: HOSTILE,
      }),
    };
    const onDaemon = { DOCKER_HOST: daemon };
    const auth = { REGISTRY_AUTH_FILE: `${folder}/auth.json`, DOCKER_CONFIG: folder };
    const bakeFile = json(`bake${HOSTILE}.json`, { target: { a: { inherits: [HOSTILE] } } });
    const job = json(`job${HOSTILE}.json`, { varveJob: 1, kind: HOSTILE });
    cases = {
      build: [
        { args: ["build", "spec.json", "-o", out("OUT.tar")] },
        { args: ["build", "project.json", "--json", "-o", out("oci:OUT")] },
        { args: ["build", "spec.json", "-o", out("oci:OUT:4"), "--sbom", "--provenance"] },
        { args: ["build", "spec.json", "--sbom", HOSTILE], status: 2 },
        { args: ["build", "spec.json"], archive: true, silent: true },
        { args: ["build", "spec.json", "--push", denied], status: 1 },
        { args: ["build", "wrong.json", "-o", "out.tar"], status: 1 },
        { args: ["build", gone], status: 1 },
        { args: ["build", "spec.json", `--${HOSTILE}`], status: 2 },
        { args: ["build", "spec.json", "--max-layers", HOSTILE], status: 2 },
      ],
      bake: [
        { args: ["bake", "project", "--from", "scratch", "--to", "oci:out:{tag}", "--json"], status: 1 },
        { args: ["bake", "project", "--from", gone, "--to", "oci:out:{tag}"], status: 1 },
        { args: ["bake", "project", HOSTILE, "--to", "oci:out:{tag}"], status: 2 },
        { args: ["bake", gone], status: 2 },
        { args: ["bake", `./${bakeFile}`, "--print"], status: 2 },
        { args: ["bake", "--affected-since", HOSTILE, "--to", "oci:out:{tag}"], status: 2 },
      ],
      layer: [
        { args: ["layer", gone], status: 1 },
        { args: ["layer", job], status: 1 },
      ],
      assemble: [
        { args: ["assemble", gone, "--push", `${registry}/app:2`], status: 1 },
        { args: ["assemble", HOSTILE], status: 2, silent: true },
      ],
      stream: [
        { args: ["stream", conf], archive: true },
        { args: ["stream", wrong], status: 1 },
        { args: ["stream", gone], status: 1 },
      ],
      layers: [
        { args: ["layers", "graph.json"] },
        { args: ["layers", "graph.json", "--exclude", gone], status: 1 },
        { args: ["layers", gone], status: 1 },
      ],
      init: [{ args: ["init", gone], status: 1 }],
      plan: [
        { args: ["plan", "graph.json"] },
        { args: ["plan", "spec.json", "--jobs", `jobs${HOSTILE}`] },
        { args: ["plan", "project.json", "--against", layout] },
        { args: ["plan", "project", "--json", "--against", layout] },
        {
          args: ["plan", "spec.json", "--html", "plan.html", "--against", layout],
          page: "plan.html",
          silent: true,
        },
        { args: ["plan", "project", "--html", "project.html"], page: "project.html", silent: true },
      ],
      copy: [
        { args: ["copy", layout, out("docker-archive:OUT.tar")] },
        { args: ["copy", layout, out("oci:OUT:2"), "--json"] },
        { args: ["copy", denied, "copied.tar"], status: 1 },
        { args: ["copy", layout, `oci:other:${HOSTILE}`] },
        { args: ["copy", layout, out("oci:OUT:4"), "--referrers"] },
      ],
      relayer: [
        { args: ["relayer", layout, out("docker-archive:OUT.tar")] },
        { args: ["relayer", layout, out("oci:OUT:3"), "--json"] },
        { args: ["relayer", layout, "relayered.tar", "--base", "oci:other:1"], status: 2, silent: true },
        { args: ["relayer", layout, "relayered.tar", "--base", gone], status: 1 },
        { args: ["relayer", denied, "relayered.tar"], status: 1 },
      ],
      compare: [
        { args: ["compare", layout, archive] },
        { args: ["compare", layout, archive, "--json"], silent: true },
        { args: ["compare", layout, "oci:other:1"], status: 1 },
        { args: ["compare", layout, gone], status: 1 },
      ],
      pull: [
        { args: ["pull", `${registry}/app:1`, out("oci:OUT")] },
        { args: ["pull", `${registry}/odd:1`, "pulled.tar"], status: 1 },
        { args: ["pull", `${registry}/moved:1`, "pulled.tar"], status: 1 },
        { args: ["pull", HOSTILE, "pulled.tar"], status: 1 },
        { args: ["pull", `${registry}/app:1`, "pulled.tar", "--digest", HOSTILE], status: 1 },
      ],
      push: [
        { args: ["push", layout, `${registry}/new:1`], silent: true },
        { args: ["push", layout, `${registry}/denied:1`], status: 1 },
      ],
      serve: [
        { args: ["serve", gone], status: 1 },
        { args: ["serve", "spec.json", layout, layout], status: 2 },
        { args: ["serve", "spec.json", "--listen", HOSTILE], status: 2 },
      ],
      export: [
        { args: ["export", layout, out("OUT.tar")] },
        { args: ["export", layout, `${gone}/x.tar`], status: 1 },
      ],
      merge: [
        { args: ["merge", layout, "oci:other:1", out("oci:OUT")] },
        { args: ["merge", layout], status: 2 },
      ],
      load: [{ args: ["load", layout], status: 1, env: onDaemon }],
      inspect: [
        { args: ["inspect", layout] },
        { args: ["inspect", archive] },
        { args: ["inspect", `${registry}/app:1`] },
        { args: ["inspect", `docker://${registry}/app:1`, "--json"] },
        { args: ["inspect", gone], status: 1 },
        { args: ["inspect", layout, "--referrers"] },
        { args: ["inspect", layout, "--platform", HOSTILE], status: 2 },
      ],
      attach: [
        { args: ["attach", layout, ...attached] },
        { args: ["attach", layout, ...attached, "--json"] },
        { args: ["attach", layout, "graph.json", "--artifact-type", HOSTILE], status: 2 },
        { args: ["attach", layout, gone, "--artifact-type", "a/b"], status: 1 },
        { args: ["attach", denied, "graph.json", "--artifact-type", "a/b"], status: 1 },
      ],
      tree: [
        { args: ["tree", layout] },
        { args: ["tree", layout, "--json"] },
        { args: ["tree", denied], status: 1 },
      ],
      why: [
        { args: ["why", layout, "oci:other:1"] },
        { args: ["why", layout, "spec.json"] },
        { args: ["why", layout, "oci:other:1", "--json"] },
        { args: ["why", layout, gone], status: 1 },
      ],
      sbom: [
        { args: ["sbom", layout] },
        { args: ["sbom", layout, "--format", "spdx"] },
        { args: ["sbom", layout, "-o", `sbom${HOSTILE}.json`] },
        { args: ["sbom", gone], status: 1 },
      ],
      "diff-sbom": [
        { args: ["diff-sbom", layout, "oci:other:1"] },
        { args: ["diff-sbom", json("sbom.json", sbomOf(HOSTILE)), layout] },
        { args: ["diff-sbom", json("sbom.json", sbomOf(HOSTILE)), layout, "--json"] },
        { args: ["diff-sbom", layout, gone], status: 1 },
      ],
      check: [
        // Its user is none that is there.
        { args: ["check", layout], status: 1 },
        { args: ["check", layout, "--json"], status: 1 },
        { args: ["check", layout, "--base", HOSTILE], status: 1 },
        { args: ["check", layout, "--audit", json(`osv${HOSTILE}.json`, { id: HOSTILE })], status: 1 },
        { args: ["check", layout, "--audit", gone], status: 1 },
      ],
      sign: [
        { args: ["sign", layout, "--key", `my${HOSTILE}.key`, "--annotation", `a=${HOSTILE}`] },
        { args: ["sign", layout, "--key", `my${HOSTILE}.key`, "--json"] },
        { args: ["sign", layout, "--key", gone], status: 1 },
        { args: ["sign", layout, "--key", `env://${HOSTILE}`], status: 1 },
        { args: ["sign", denied, "--key", `my${HOSTILE}.key`], status: 1 },
      ],
      attest: [
        {
          args: [
            "attest",
            layout,
            "--key",
            `my${HOSTILE}.key`,
            "--predicate",
            "graph.json",
            "--type",
            "spdx",
          ],
        },
        {
          args: ["attest", layout, "--key", `my${HOSTILE}.key`, "--predicate", gone, "--type", "spdx"],
          status: 1,
        },
        {
          args: [
            "attest",
            layout,
            "--key",
            `my${HOSTILE}.key`,
            "--predicate",
            "graph.json",
            "--type",
            HOSTILE,
          ],
          status: 2,
        },
      ],
      verify: [
        { args: ["verify", layout, "--key", `my${HOSTILE}.pub`] },
        { args: ["verify", layout, "--key", `my${HOSTILE}.pub`, "--json"] },
        { args: ["verify", "oci:other:1", "--key", `my${HOSTILE}.pub`], status: 1, silent: true },
        { args: ["verify", layout, "--key", "other.pub"], status: 1 },
        { args: ["verify", layout, "--key", gone], status: 1 },
        {
          args: [
            "verify",
            layout,
            "--certificate-identity-regexp",
            `(${HOSTILE}`,
            "--certificate-oidc-issuer",
            "a",
          ],
          status: 2,
        },
      ],
      validate: [
        { args: ["validate", layout] },
        { args: ["validate", `${registry}/app:1`, "--json"], silent: true },
        { args: ["validate", `docker-archive:${archive}:${HOSTILE}`], status: 1 },
      ],
      index: [
        { args: ["index", "create", out("oci:OUT:both"), layout] },
        { args: ["index", "create", out("oci:OUT:both"), layout, "--json"] },
        { args: ["index", "create", out("oci:OUT:twice"), layout, "oci:other:1"], status: 2 },
        { args: ["index", "create", out("OUT.tar"), layout], status: 2 },
      ],
      gc: [
        { args: ["gc", `${registry}/app`], silent: true },
        { args: ["gc", `${registry}/app`, "--json"], silent: true },
        { args: ["gc", denied], status: 1 },
        { args: ["gc", `oci:${HOSTILE}`], status: 1 },
        { args: ["gc", `${registry}/app`, "--untagged-from", HOSTILE], status: 1 },
      ],
      cache: [
        { args: ["cache", "info", "--cache-dir", `cache${HOSTILE}`] },
        { args: ["cache", "info", "--cache-dir", `cache${HOSTILE}`, "--json"] },
        { args: ["cache", "prune"], silent: true },
        { args: ["cache", "prune", "--registry", denied], status: 1 },
        { args: ["cache", "prune", "--registry", HOSTILE], status: 1 },
        { args: ["cache", HOSTILE], status: 2 },
      ],
      nix: [
        { args: ["nix", "layer"], env: onNix, status: 1 },
        { args: ["nix", "layers"], env: layers, status: 1 },
        { args: ["nix", "push", conf, denied], status: 1 },
        { args: ["nix", "load", gone], status: 1 },
      ],
      lock: [
        { args: ["lock", denied], status: 1 },
        { args: ["lock", HOSTILE], status: 1 },
      ],
      login: [
        {
          args: ["login", registry, "--username", HOSTILE, "--password-stdin"],
          input: HOSTILE,
          env: auth,
        },
        {
          args: ["login", HOSTILE, "--username", "me", "--password-stdin"],
          input: "x",
          env: auth,
          status: 1,
        },
      ],
      logout: [{ args: ["logout", HOSTILE], env: auth }],
      completion: [{ args: ["completion", HOSTILE], status: 2 }],
    };
  }

  for (const name of Object.keys(COMMANDS)) {
    it(`is harmless in varve ${name}`, async (t) => {
      assert.ok(cases[name] !== undefined, "a command needs its cases here");
      for (const { args, status = 0, archive, silent, page, ...options } of cases[name]) {
        await t.test(JSON.stringify(args).replaceAll(JSON.stringify(HOSTILE).slice(1, -1), "☠"), async () => {
          const { code, stdout, stderr } = await varve(args, { cwd: folder, ...options });
          assert.equal(code, status, stderr);
          const told = (archive ? "" : stdout.toString()) + stderr;
          assertFit(told);
          if (!silent)
            assert.match(told, /\\x1b\[31m|\\u001b|\\x9b31m|\\u009b/, "it tells of what is foreign");
          if (page !== undefined) assertFit(readFileSync(`${folder}/${page}`, "utf8"));
          if (page !== undefined) assert.match(readFileSync(`${folder}/${page}`, "utf8"), /\\x1b\[31m/);
          if (!args.includes("--json") && args[0] !== "layers") return;
          if (status !== 0 || silent) return;
          const strings = stringsIn(JSON.parse(stdout.toString()));
          assert.ok(
            strings.some((text) => text.includes(HOSTILE)),
            "JSON has the very text",
          );
        });
      }
    });
  }
});

it("a script's output is relayed without escape sequences", {
  skip: requires("root", "busybox"),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const text = HOSTILE.replaceAll("\n", "\\n");
  const spec = { name: "app", extraCommands: `printf '%b' '${text}' >&2; printf '\\tindented'; exit 3` };
  writeFileSync(`${folder}/spec.json`, JSON.stringify(spec));
  const { code, stderr } = await varve(["build", "spec.json", "-o", "out.tar"], { cwd: folder });
  assert.equal(code, 1);
  assertFit(stderr.replaceAll("\t", ""));
  assert.match(stderr, /\\x1b\[31m\\x07/);
});

it("progress on a terminal has no escape sequences but its own", async (t) => {
  const folder = await temporaryFolder(t);
  // It is drawn only of what takes a while.
  mkdirSync(`${folder}/root`);
  writeFileSync(`${folder}/root/large`, randomBytes(24_000_000));
  writeFileSync(`${folder}/spec.json`, '{"name": "app", "copyToRoot": "root"}');
  const places = ["-o", `oci:one${HOSTILE}`, "-o", `oci:two${HOSTILE}`];
  const quoted = [...sourceCommand, "build", "spec.json", ...places].map((arg) => `'${arg}'`);
  const onTerminal = ["script", "-qec", quoted.join(" "), "/dev/null"] as const;
  const { code, stdout } = await run(onTerminal, { cwd: folder });
  const shown = stdout.toString();
  assert.equal(code, 0, shown);
  assert.match(shown, /\x1b\[2Koci:one\\x1b\[31m/);
  assertFit(shown.replace(/\x1b\[\d*[AJK]|\r(?=\n)/g, ""));
});

it("one file of the commands writes, and those with a reason here", () => {
  const reasons: Record<string, string> = {
    "output.ts": "it is the one",
    "ask.ts": "it asks, and echoes what the user types",
  };
  const cli = new URL("../../../src/front/cli/", import.meta.url);
  const writers = globSync("**/*.ts", { cwd: cli }).filter((file) =>
    /writeSync|console\.|std(out|err)\.write/.test(readFileSync(new URL(file, cli), "utf8")),
  );
  assert.deepEqual(writers.sort(), Object.keys(reasons).sort());
});
