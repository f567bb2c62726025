import assert from "node:assert/strict";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type CredentialStore, type Credentials, credentialStore } from "#registry";
import { fails } from "../support/setup.ts";

const auth = (text: string) => Buffer.from(text).toString("base64");
const user = (username: string): Credentials => ({ kind: "password", username, password: "p" });

interface Home {
  readonly home: string;
  readonly config: string;
  store(env?: Record<string, string>): CredentialStore;
  write(path: string, content: unknown): Promise<void>;
  read(path?: string): Promise<Record<string, unknown>>;
}

async function makeHome(t: TestContext): Promise<Home> {
  const home = await mkdtemp(join(tmpdir(), "varve-home-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const config = ".docker/config.json";
  return {
    home,
    config,
    store: (env = {}) => credentialStore({ env, home }),
    async write(path, content) {
      await mkdir(join(home, path, ".."), { recursive: true });
      await writeFile(join(home, path), typeof content === "string" ? content : JSON.stringify(content));
    },
    read: async (path = config) =>
      JSON.parse(await readFile(join(home, path), "utf8")) as Record<string, unknown>,
  };
}

/** Installs a credential helper that keeps what it is given in a file beside it, and logs its calls. */
async function installHelper(home: string, name: string): Promise<Record<string, string>> {
  const folder = join(home, "bin");
  await mkdir(folder, { recursive: true });
  const program = join(folder, `docker-credential-${name}`);
  await writeFile(
    program,
    `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require("node:fs");
const kept = ${JSON.stringify(join(home, `${name}.json`))};
const all = existsSync(kept) ? JSON.parse(readFileSync(kept, "utf8")) : {};
const input = readFileSync(0, "utf8");
const action = process.argv[2];
appendFileSync(${JSON.stringify(join(home, "calls"))}, action + " " + (action === "store" ? JSON.parse(input).ServerURL : input) + "\\n");
if (action === "store") { all[JSON.parse(input).ServerURL] = JSON.parse(input); writeFileSync(kept, JSON.stringify(all)); }
else if (all[input] === undefined) { console.log("credentials not found in native keychain"); process.exit(1); }
else if (input === "broken.io") { console.log("the key chain is locked"); process.exit(1); }
else if (action === "get") console.log(JSON.stringify(all[input]));
else { delete all[input]; writeFileSync(kept, JSON.stringify(all)); }
`,
  );
  await chmod(program, 0o755);
  return { PATH: `${folder}${delimiter}${process.env["PATH"]}` };
}

test("without any file there are no credentials", async (t) => {
  const { store } = await makeHome(t);
  assert.equal(await store().get("ghcr.io", "a/b"), undefined);
});

test("Docker's entries are read in all their forms", async (t) => {
  const { store, write, config } = await makeHome(t);
  await write(config, {
    auths: {
      "a.io": { auth: auth("user:p:w"), email: "x" },
      "https://b.io": { username: "user", password: "p" },
      "http://c.io:5000/v2/": { auth: auth("<token>:tok") },
      "d.io": { auth: auth("x:y"), identitytoken: "tok" },
      "e.io/v1/": { registrytoken: "reg" },
      "F.io": { auth: auth("user:p\0\0") },
      "g.io": {},
      "h.io": { auth: "" },
    },
    credHelpers: {},
  });
  const get = (registry: string) => store().get(registry, "a");
  assert.deepEqual(await get("a.io"), { kind: "password", username: "user", password: "p:w" });
  assert.deepEqual(await get("b.io"), user("user"));
  assert.deepEqual(await get("c.io:5000"), { kind: "identity-token", token: "tok" });
  assert.deepEqual(await get("d.io"), { kind: "identity-token", token: "tok" });
  assert.deepEqual(await get("e.io"), { kind: "registry-token", token: "reg" });
  assert.deepEqual(await get("f.io"), user("user"));
  for (const none of ["g.io", "h.io", "a.io.evil.com", "x.a.io", "a.io:5000", "c.io"]) {
    assert.equal(await get(none), undefined, none);
  }
});

test("Docker Hub is found under every key it has had", async (t) => {
  const { store, write, config } = await makeHome(t);
  for (const key of ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"]) {
    await write(config, { auths: { [key]: { auth: auth("user:p") } } });
    assert.deepEqual(await store().get("docker.io", "library/x"), user("user"), key);
  }
});

test("the longest path that fits counts, by whole parts", async (t) => {
  const { store, write, config } = await makeHome(t);
  await write(config, {
    auths: {
      "r.io/ns/repo": { auth: auth("deep:p") },
      "r.io": { auth: auth("host:p") },
      "r.io/ns": { auth: auth("mid:p") },
      "docker.io/me": { auth: auth("hub:p") },
    },
  });
  const name = async (registry: string, repository?: string) =>
    ((await store().get(registry, repository)) as { username?: string } | undefined)?.username;
  assert.equal(await name("r.io", "ns/repo"), "deep");
  assert.equal(await name("r.io", "ns/repo/x"), "deep");
  assert.equal(await name("r.io", "ns/repo2"), "mid");
  assert.equal(await name("r.io", "nsx"), "host");
  assert.equal(await name("r.io"), "host");
  assert.equal(await name("docker.io", "me/x"), "hub");
  assert.equal(await name("docker.io", "you/x"), undefined);
});

test("files count in their order, and REGISTRY_AUTH_FILE alone if it is set", async (t) => {
  const { store, write, home } = await makeHome(t);
  const places = ["docker/config.json", "run/containers/auth.json", "cfg/containers/auth.json", "only.json"];
  for (const [index, path] of places.entries()) {
    const auths = Object.fromEntries(
      places.slice(index).map((_, at) => [`r${index + at}.io`, { auth: auth(`u${index}:p`) }]),
    );
    await write(path, { auths });
  }
  const env = {
    DOCKER_CONFIG: join(home, "docker"),
    XDG_RUNTIME_DIR: join(home, "run"),
    XDG_CONFIG_HOME: join(home, "cfg"),
  };
  assert.deepEqual(await store(env).get("r3.io"), user("u0"));
  await rm(join(home, "docker"), { recursive: true });
  assert.deepEqual(await store(env).get("r3.io"), user("u1"));
  await rm(join(home, "run"), { recursive: true });
  assert.deepEqual(await store(env).get("r3.io"), user("u2"));
  const only = store({ ...env, REGISTRY_AUTH_FILE: join(home, "only.json") });
  assert.deepEqual(await only.get("r3.io"), user("u3"));
  assert.equal(await only.get("r2.io"), undefined);
});

test("a file that is broken is named, and its secrets are not", async (t) => {
  const { store, write, config } = await makeHome(t);
  await write(config, '{"auths":');
  await fails(store().get("a.io"), "INVALID_JSON", /config\.json/);
  await write(config, "[]");
  await fails(store().get("a.io"), "CREDENTIALS", /config\.json/);
  await write(config, { auths: { "a.io": { auth: auth("secret") } } });
  await fails(store().get("a.io"), "CREDENTIALS", /^(?!.*secret).*a\.io/);
});

test("a login is written for its owner only, and everything else in the file is kept", async (t) => {
  const { store, write, read, config, home } = await makeHome(t);
  await write(config, {
    psFormat: "x",
    auths: { "b.io": { auth: "eDp5", email: "e" } },
    unknown: { a: [1] },
  });
  await chmod(join(home, config), 0o644);
  assert.equal(await store().login("a.io:5000", user("me")), join(home, config));
  assert.equal(
    await store().login("docker.io", { kind: "identity-token", token: "tok" }),
    join(home, config),
  );
  assert.deepEqual(await read(), {
    psFormat: "x",
    auths: {
      "b.io": { auth: "eDp5", email: "e" },
      "a.io:5000": { auth: auth("me:p") },
      "https://index.docker.io/v1/": { identitytoken: "tok" },
    },
    unknown: { a: [1] },
  });
  assert.equal((await stat(join(home, config))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(home, ".docker")), ["config.json"]);
  assert.deepEqual(await store().get("a.io:5000"), user("me"));
});

test("a login makes the folder it needs, and replaces older spellings of the same registry", async (t) => {
  const { store, write, read, home } = await makeHome(t);
  await store().login("a.io", user("me"));
  assert.equal((await stat(join(home, ".docker"))).mode & 0o777, 0o700);
  await write(".docker/config.json", {
    auths: { "https://a.io/v2/": { auth: "eDp5" }, "a.io/ns": { auth: "eDp5" } },
  });
  await store().login("a.io", user("me"));
  assert.deepEqual((await read())["auths"], { "a.io/ns": { auth: "eDp5" }, "a.io": { auth: auth("me:p") } });
});

test("a configuration file that is a symbolic link stays one", async (t) => {
  const { store, write, read, home, config } = await makeHome(t);
  await write("dotfiles/config.json", {});
  await mkdir(join(home, ".docker"));
  await symlink("../dotfiles/config.json", join(home, config));
  await store().login("a.io", user("me"));
  assert.ok((await lstat(join(home, config))).isSymbolicLink());
  assert.deepEqual((await read("dotfiles/config.json"))["auths"], { "a.io": { auth: auth("me:p") } });
});

test("a login with a user name that can't be written is refused", async (t) => {
  const { store } = await makeHome(t);
  await fails(store().login("a.io", user("a:b")), "CREDENTIALS", /colon/);
  await fails(store().login("a.io", user("")), "CREDENTIALS", /empty/);
});

test("a logout forgets the registry wherever it was found", async (t) => {
  const { store, write, read, home } = await makeHome(t);
  const env = { XDG_RUNTIME_DIR: join(home, "run") };
  await write(".docker/config.json", {
    auths: { "https://a.io/": { auth: "eDp5" }, "b.io": { auth: "eDp5" } },
  });
  await write("run/containers/auth.json", { auths: { "a.io": { auth: "eDp5" } } });
  assert.equal(await store(env).logout("a.io"), true);
  assert.equal(await store(env).get("a.io"), undefined);
  assert.deepEqual((await read())["auths"], { "b.io": { auth: "eDp5" } });
  assert.equal(await store(env).logout("a.io"), false);
});

test("a credential helper is really run: stored, got and erased", async (t) => {
  const { store, write, read, home, config } = await makeHome(t);
  const env = await installHelper(home, "test");
  await write(config, { credsStore: "test" });
  assert.equal(await store(env).get("a.io"), undefined);
  assert.equal(await store(env).login("a.io", user("me")), "docker-credential-test");
  assert.equal(
    await store(env).login("docker.io", { kind: "identity-token", token: "tok" }),
    "docker-credential-test",
  );
  assert.deepEqual(await store(env).get("a.io", "x"), user("me"));
  assert.deepEqual(await store(env).get("docker.io", "x"), { kind: "identity-token", token: "tok" });
  assert.deepEqual(await read(), {
    credsStore: "test",
    auths: { "a.io": {}, "https://index.docker.io/v1/": {} },
  });
  assert.equal(await store(env).logout("a.io"), true);
  assert.equal(await store(env).get("a.io"), undefined);
  const calls = (await readFile(join(home, "calls"), "utf8")).trim().split("\n");
  assert.deepEqual(calls.slice(0, 3), ["get a.io", "store a.io", "store https://index.docker.io/v1/"]);
  assert.ok(calls.includes("erase a.io"));
});

test("a registry's own helper goes before the general one, and what a helper lacks is looked up in the file", async (t) => {
  const { store, write, home, config } = await makeHome(t);
  await installHelper(home, "one");
  const env = await installHelper(home, "two");
  await writeFile(join(home, "one.json"), JSON.stringify({ "a.io": { Username: "one", Secret: "p" } }));
  await writeFile(join(home, "two.json"), JSON.stringify({ "a.io": { Username: "two", Secret: "p" } }));
  await write(config, {
    credsStore: "two",
    credHelpers: { "a.io": "one" },
    auths: { "b.io": { auth: auth("file:p") } },
  });
  assert.deepEqual(await store(env).get("a.io"), user("one"));
  assert.deepEqual(await store(env).get("b.io"), user("file"));
});

test("a helper that fails, is missing, or has a path for a name is an error that names it", async (t) => {
  const { store, write, home, config } = await makeHome(t);
  const env = await installHelper(home, "test");
  await writeFile(join(home, "test.json"), JSON.stringify({ "broken.io": {}, "odd.io": { Username: "x" } }));
  await write(config, { credsStore: "test" });
  await fails(
    store(env).get("broken.io"),
    "CREDENTIALS",
    /docker-credential-test get .*the key chain is locked/,
  );
  await fails(store(env).get("odd.io"), "CREDENTIALS", /without a Username and a Secret/);
  await write(config, { credsStore: "none" });
  await fails(store(env).get("a.io"), "CREDENTIALS", /docker-credential-none: it is not installed/);
  await write(config, { credsStore: "../../evil" });
  await fails(store(env).get("a.io"), "CREDENTIALS", /not the name of a credential helper/);
});
