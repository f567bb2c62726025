import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { type Images, startImages } from "./support/images.ts";
import { type Registry, startRegistry } from "./support/registry.ts";
import { makeCertificate, type ServerCertificate } from "./support/tls.ts";
import { startTokenServer, type TokenServer } from "./support/token-server.ts";

describe("a registry that wants a password", { skip: requires("registry", "htpasswd", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let archive: string;

  before(async () => {
    images = await startImages(scope);
    archive = await images.build({ name: "app", sizes: [1000] });
    const htpasswd = join(images.folder, "htpasswd");
    await writeFile(htpasswd, await mustRun(["htpasswd", "-Bbn", "anna", "s3cret: ü"]));
    registry = await startRegistry(scope, { htpasswd });
  });

  it("lets varve in after varve login, and not before or after varve logout", async () => {
    const name = `${registry.host}/app:1`;
    const refused = /^Error: .*(not allow|credentials|log in|login)/i;
    assert.match(await images.failure(["push", "--quiet", archive, name]), refused);
    const login = ["login", registry.host, "--username", "anna", "--password-stdin"];
    assert.match(await images.failure(login, { input: "wrong" }), refused);
    assert.match(await images.failure(["push", "--quiet", archive, name]), refused);

    await images.varve(login, { input: "s3cret: ü\n" });
    await images.varve(["push", "--quiet", archive, name]);
    const { config } = await images.inspect(`docker-archive:${archive}`);
    assert.equal((await images.inspect(`docker://${name}`)).config, config);

    await images.varve(["logout", registry.host]);
    assert.match(await images.failure(["inspect", `docker://${name}`]), refused);
  });
});

describe("a registry behind TLS of a private authority", {
  skip: requires("registry", "openssl", "busybox"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let tls: ServerCertificate;
  let archive: string;

  before(async () => {
    images = await startImages(scope);
    archive = await images.build({ name: "app", sizes: [1000] });
    tls = await makeCertificate(scope);
    registry = await startRegistry(scope, { tls });
  });

  it("is refused without the authority's certificate", async () => {
    const why = await images.failure(["push", "--quiet", archive, `${registry.host}/refused:1`]);
    assert.match(why, /certificate of 127\.0\.0\.1:\d+ is not trusted/);
  });

  it("is trusted with --cacert, and with NODE_EXTRA_CA_CERTS", async () => {
    const { config } = await images.inspect(`docker-archive:${archive}`);
    const name = `${registry.host}/app:1`;
    await images.varve(["push", "--quiet", "--cacert", tls.authority, archive, name]);
    const env = { NODE_EXTRA_CA_CERTS: tls.authority };
    const inspected = await images.varve(["inspect", "--json", `docker://${name}`], { env });
    assert.equal((JSON.parse(inspected) as { config: string }).config, config);
    await images.varve(["validate", "--cacert", tls.authority, `docker://${name}`]);
  });
});

describe("a registry that wants tokens", { skip: requires("registry", "openssl", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let tokens: TokenServer;
  let trust: string[];
  let archive: string;

  before(async () => {
    images = await startImages(scope);
    archive = await images.build({ name: "app", sizes: [1000, 2000, 3000] });
    tokens = await startTokenServer(scope, { user: "anna", password: "secret" });
    // It is on another port of this machine, which is as another host.
    trust = ["--trust-realm", new URL(tokens.realm).host];
    registry = await startRegistry(scope, { tokens });
    const login = ["login", ...trust, registry.host, "--username", "anna", "--password-stdin"];
    await images.varve(login, { input: "secret" });
    await images.varve(["push", "--quiet", ...trust, archive, `${registry.host}/public/base:1`]);
  });

  it("gets an image with one token for the whole push, asked for with the user's password", async () => {
    tokens.granted.length = 0;
    await images.varve(["push", "--quiet", ...trust, archive, `${registry.host}/public/app:1`]);
    const { config } = await images.inspect(`docker-archive:${archive}`);
    const found = await images.varve([
      "inspect",
      "--json",
      ...trust,
      `docker://${registry.host}/public/app:1`,
    ]);
    assert.equal((JSON.parse(found) as { config: string }).config, config);
    const [push, ...others] = tokens.granted.filter(({ scopes }) =>
      scopes.some((text) => text.includes("push")),
    );
    assert.deepEqual(push, { user: "anna", scopes: ["repository:public/app:pull,push"] });
    assert.deepEqual(others, []);
  });

  it("gets no password for a token server that the user didn't name", async () => {
    const refused = await images.failure(["push", "--quiet", archive, `${registry.host}/public/app:2`]);
    assert.match(refused, /credentials were not sent to .*--trust-realm/);
  });

  it("gives strangers a token for what is public, and varve a reason for what isn't", async () => {
    const env = { DOCKER_CONFIG: join(images.folder, "nobody"), REGISTRY_AUTH_FILE: undefined };
    await images.varve(["push", "--quiet", ...trust, archive, `${registry.host}/private/app:1`]);
    await images.varve(["validate", ...trust, `docker://${registry.host}/public/base:1`], { env });
    const why = await images.failure(["inspect", `docker://${registry.host}/private/app:1`], { env });
    assert.match(why, /^Error: .*private\/app/);
  });

  it("mounts blobs of another repository, for which the token is asked, too", async () => {
    const name = `${registry.host}/other/app:1`;
    tokens.granted.length = 0;
    const from = `docker://${registry.host}/public/base:1`;
    const [{ layers }] = JSON.parse(
      await images.varve(["copy", "--json", ...trust, from, `docker://${name}`]),
    ) as [{ layers: { outcome: string }[] }];
    assert.deepEqual(new Set(layers.map(({ outcome }) => outcome)), new Set(["mounted"]));
    const scopes = tokens.granted.flatMap((request) => request.scopes);
    assert.ok(scopes.includes("repository:other/app:pull,push"));
    await images.varve(["validate", ...trust, `docker://${name}`]);
  });
});

describe("a base in a registry that is appended to", { skip: requires("registry", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let proxy: CountingProxy;

  before(async () => {
    images = await startImages(scope);
    const registry = await startRegistry(scope);
    proxy = await startCountingProxy(scope, registry.host);
    const base = await images.build({ name: "base", sizes: [400_000, 300_000, 200_000] });
    await images.varve(["push", "--quiet", base, `${proxy.host}/base:1`]);
  });

  const uploads = () =>
    proxy.requests.filter(({ method, path }) => method === "POST" && path.includes("/uploads/"));

  it("is mounted into the other repository, and nothing but what is new is sent", async () => {
    proxy.requests.length = 0;
    const spec = await images.spec({ name: "app", sizes: [1000, 150_000] });
    const from = `docker://${proxy.host}/base:1`;
    const push = ["--push", `${proxy.host}/app:1`];
    // With the base's links followed, its layers would have to be read for them.
    await images.varve(["build", "--quiet", spec, "--no-follow-base", "--no-check", "--from", from, ...push]);
    const requests = [...proxy.requests];

    const base = await images.inspect(from);
    const app = await images.inspect(`docker://${proxy.host}/app:1`);
    // The base's blobs are kept as they are.
    assert.deepEqual(app.layers.slice(0, base.layers.length), base.layers);
    const added = app.layers.slice(base.layers.length);
    assert.ok(added.length >= 2);

    const mounts = uploads().filter(({ path }) => path.includes("mount="));
    assert.deepEqual(
      mounts.map(({ status, path }) => [status, new URLSearchParams(path.split("?")[1]).get("mount")]).sort(),
      base.layers.map(({ digest }) => [201, digest]).sort(),
    );
    // One upload for each new layer, and one for the config.
    assert.equal(uploads().length - mounts.length, added.length + 1);
    const sent = requests.reduce((sum, request) => sum + request.sent, 0);
    const layerBytes = added.reduce((sum, { size }) => sum + size, 0);
    const documents = 20_000;
    assert.ok(sent >= layerBytes && sent < layerBytes + documents, `${sent} bytes for ${layerBytes}`);
    // Of the base nothing is read but its manifest and config.
    const read = requests.filter(({ method, path }) => method === "GET" && path.includes("/base/blobs/"));
    assert.equal(read.length, 1);
  });

  it("costs nothing but a few questions when it is pushed again", async () => {
    const spec = await images.spec({ name: "again", sizes: [2000, 150_000] });
    const push = ["--from", `docker://${proxy.host}/base:1`, "--push", `${proxy.host}/again:1`];
    await images.varve(["build", "--quiet", spec, ...push]);
    proxy.requests.length = 0;
    await images.varve(["build", "--quiet", spec, ...push]);
    const writes = proxy.requests.filter(({ method }) => method !== "GET" && method !== "HEAD");
    assert.deepEqual(writes, []);
    assert.ok(proxy.requests.length < 10, `${proxy.requests.length} requests`);
  });
});
