import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { digestOf, MediaType } from "#oci";
import type { Credentials } from "#registry";
import { bodyOf, type FakeRegistry, FakeServer, fail, type Seen } from "#testing";
import { fails, otherServer, type SetupOptions, Source, sampleBytes, setUp } from "../support/setup.ts";

const password: Credentials = { kind: "password", username: "user", password: "pässword" };
const basicHeader = `Basic ${Buffer.from("user:pässword").toString("base64")}`;
const digest = digestOf(Buffer.from("x"));

/** Gives out tokens that name the scopes they are for. */
class TokenServer extends FakeServer {
  issued = 0;
  answer: Record<string, unknown> = {};
  refuse: number | undefined;
  readonly forms: URLSearchParams[] = [];

  override async handle(request: IncomingMessage, response: ServerResponse, seen: Seen): Promise<void> {
    const body = await bodyOf(request, seen);
    const form = new URLSearchParams(body.toString());
    this.forms.push(form);
    if (this.refuse !== undefined) {
      fail(response, this.refuse, "UNAUTHORIZED", "wrong password");
      return;
    }
    const scopes = seen.method === "POST" ? (form.get("scope") ?? "") : seen.query.getAll("scope").join(" ");
    this.issued++;
    const token = Buffer.from(`${this.issued}|${scopes}`).toString("base64url");
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ token, ...this.answer }));
  }
}

/** Makes a registry demand tokens that have a scope for the repository asked. */
function demandTokens(registry: FakeRegistry, realm: string, extra = ""): void {
  registry.quirk = async (request, response, { path, method }) => {
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path)?.[1];
    const need =
      repository === undefined
        ? ""
        : `repository:${repository}:pull${method === "GET" || method === "HEAD" ? "" : ",push"}`;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const scopes = token === undefined ? undefined : Buffer.from(token, "base64url").toString().split("|")[1];
    if (scopes?.split(" ").some((scope) => scope.startsWith(need))) return false;
    response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="reg"${extra}` }).end();
    return true;
  };
}

async function withTokens(t: TestContext, options: SetupOptions = {}) {
  const tokens = await otherServer(t, new TokenServer());
  const setup = await setUp(t, { trustedRealms: [tokens.host], ...options });
  demandTokens(setup.registry, `${tokens.url}/token`);
  return { ...setup, tokens };
}

test("a registry that wants a password is sent it only after it asked", async (t) => {
  const { registry, client } = await setUp(t, { credentials: async () => password });
  registry.addBlob("a", Buffer.from("x"));
  registry.quirk = (request, response) => {
    if (request.headers.authorization === basicHeader) return false;
    response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    return true;
  };
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  const sent = registry.requests.map(({ headers }) => headers.authorization);
  assert.deepEqual(sent, [undefined, basicHeader, basicHeader]);
});

test("a wrong password is refused once, with the registry's words", async (t) => {
  const { registry, client } = await setUp(t, { credentials: async () => password });
  registry.quirk = (_request, response) => {
    response.setHeader("www-authenticate", 'Basic realm="r"');
    fail(response, 401, "UNAUTHORIZED", "authentication required");
    return true;
  };
  await fails(client.ping(), "UNAUTHORIZED", /authentication required/);
  assert.equal(registry.requests.length, 2);
});

test("who has no credentials is told to log in", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response) => {
    response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    return true;
  };
  await fails(
    client.headBlob({ repository: "a", digest }),
    "UNAUTHORIZED",
    /log in first: `varve login 127\.0\.0\.1:\d+`/,
  );
});

test("a token is asked for with the scope of the request, anonymously when there are no credentials", async (t) => {
  const { client, registry, tokens } = await withTokens(t);
  registry.addBlob("a/b", Buffer.from("x"));
  assert.equal(await client.headBlob({ repository: "a/b", digest }), 1);
  const [request] = tokens.requests;
  assert.deepEqual(request!.query.getAll("scope"), ["repository:a/b:pull"]);
  assert.equal(request!.query.get("service"), "reg");
  assert.equal(request!.headers.authorization, undefined);
});

test("a token is asked for with the user's password, and it alone goes to the registry", async (t) => {
  const { client, registry, tokens } = await withTokens(t, { credentials: async () => password });
  registry.addBlob("a", Buffer.from("x"));
  await client.headBlob({ repository: "a", digest });
  assert.equal(tokens.requests[0]!.headers.authorization, basicHeader);
  assert.ok(registry.requests.every(({ headers }) => !headers.authorization?.startsWith("Basic")));
});

test("a token is used again for the same scopes, and another is fetched for others", async (t) => {
  const { client, registry, tokens } = await withTokens(t);
  registry.addBlob("a", Buffer.from("x"));
  await Promise.all(Array.from({ length: 8 }, () => client.headBlob({ repository: "a", digest })));
  await client.headBlob({ repository: "a", digest });
  assert.equal(tokens.issued, 1);
  const source = new Source(sampleBytes(10));
  await client.uploadBlob({ open: source.open, descriptor: source.descriptor }, { repository: "a" });
  await client.mountBlob({ repository: "b", digest, from: "a" });
  assert.deepEqual(
    tokens.requests.map(({ query }) => query.getAll("scope")),
    [["repository:a:pull"], ["repository:a:pull,push"], ["repository:b:pull,push", "repository:a:pull"]],
  );
});

test("a token is fetched anew when it expires, and one without a life lives for 60 s", async (t) => {
  let time = 0;
  const { client, registry, tokens } = await withTokens(t, { now: () => time });
  registry.addBlob("a", Buffer.from("x"));
  const at = async (milliseconds: number) => {
    time = milliseconds;
    await client.headBlob({ repository: "a", digest });
    return tokens.issued;
  };
  tokens.answer = { expires_in: 300 };
  assert.equal(await at(0), 1);
  assert.equal(await at(289_000), 1);
  tokens.answer = {};
  assert.equal(await at(291_000), 2);
  assert.equal(await at(340_000), 2);
  assert.equal(await at(342_000), 3);
});

test("a token that the registry refuses before its time is fetched anew, and the scope it names is asked for too", async (t) => {
  const { client, registry, tokens } = await withTokens(t);
  registry.addBlob("a", Buffer.from("x"));
  await client.headBlob({ repository: "a", digest });
  let refuse = true;
  const inner = registry.quirk!;
  registry.quirk = (request, response, seen) => {
    if (!refuse) return inner(request, response, seen);
    refuse = false;
    const scope = 'repository:proxy/a:pull evil\\" scope:x';
    response
      .writeHead(401, {
        "www-authenticate": `Bearer realm="${tokens.url}/token",scope="${scope}",error="insufficient_scope"`,
      })
      .end();
    return true;
  };
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  assert.deepEqual(tokens.requests.at(-1)!.query.getAll("scope"), [
    "repository:a:pull",
    "repository:proxy/a:pull",
  ]);
});

test("an identity token is exchanged by POST, and is not sent on by a redirect", async (t) => {
  const identity: Credentials = { kind: "identity-token", token: "refresh&me" };
  const { client, registry, tokens } = await withTokens(t, { credentials: async () => identity });
  registry.addBlob("a", Buffer.from("x"));
  tokens.answer = {
    token: undefined,
    access_token: Buffer.from("9|repository:a:pull").toString("base64url"),
  };
  await client.headBlob({ repository: "a", digest });
  const form = Object.fromEntries(tokens.forms[0]!);
  assert.deepEqual(form, {
    grant_type: "refresh_token",
    client_id: "varve",
    refresh_token: "refresh&me",
    service: "reg",
    scope: "repository:a:pull",
  });

  const thief = await otherServer(t, new TokenServer());
  const redirecting = await withTokens(t, { credentials: async () => identity });
  redirecting.tokens.handle = async (_request, response) => {
    response.writeHead(307, { location: `${thief.url}/token` }).end();
  };
  await fails(redirecting.client.headBlob({ repository: "a", digest }), "REGISTRY_PROTOCOL", /307/);
  assert.equal(thief.requests.length, 0);
});

test("a registry token is used as it is, without a token server", async (t) => {
  const token = Buffer.from("0|repository:a:pull").toString("base64url");
  const { client, registry, tokens } = await withTokens(t, {
    credentials: async () => ({ kind: "registry-token", token }),
  });
  registry.addBlob("a", Buffer.from("x"));
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  assert.equal(tokens.requests.length, 0);
});

test("a token server that refuses is quoted", async (t) => {
  const { client, tokens } = await withTokens(t, { credentials: async () => password });
  tokens.refuse = 401;
  await fails(client.headBlob({ repository: "a", digest }), "UNAUTHORIZED", /wrong password/);
  assert.equal(tokens.requests.length, 1);
});

test("credentials are never sent to a token realm on a host, or a port of this machine, that the user has no reason to trust", async (t) => {
  const tokens = await otherServer(t, new TokenServer());
  // The realm is on this machine, as the registry is; or under a name that is no loopback address to varve.
  for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"]) {
    tokens.requests.length = 0;
    const { client, registry } = await setUp(t, {
      credentials: async () => password,
      http: { insecure: true },
    });
    registry.addBlob("a", Buffer.from("x"));
    const realm = `http://${host}:${tokens.port}/token`;
    demandTokens(registry, realm);
    assert.equal(await client.headBlob({ repository: "a", digest }), 1);
    assert.equal(tokens.requests.length, 1);
    assert.equal(tokens.requests[0]!.headers.authorization, undefined);
    assert.equal(tokens.requests[0]!.query.get("account"), null);

    registry.quirk = (_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
      return true;
    };
    await fails(
      client.headBlob({ repository: "b", digest }),
      "UNAUTHORIZED",
      /not sent to .*which does not belong to it/,
    );
  }
});

test("a token realm over plain http elsewhere, or of another scheme, is not asked at all", async (t) => {
  const { client, registry } = await setUp(t, { credentials: async () => password });
  for (const realm of ["http://192.0.2.1/token", "file:///etc/passwd", "http://", "javascript:1"]) {
    registry.quirk = (_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
      return true;
    };
    await fails(client.headBlob({ repository: "a", digest }), "REGISTRY_PROTOCOL", /token server/);
  }
});

test("a token that could break out of its header is refused", async (t) => {
  const { client, tokens } = await withTokens(t);
  for (const token of ["a\r\nX-Evil: 1", "", 5, null, "a b"]) {
    tokens.answer = { token };
    await fails(client.headBlob({ repository: "a", digest }), "REGISTRY_PROTOCOL", /no token/);
  }
});

test("credentials are never sent to another host on a redirect, and its own 401 gets none", async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const thief = await otherServer(t, new FakeServer());
    thief.handle = async (_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="${thief.url}/token"` }).end();
    };
    const { client, registry } = await setUp(t, { credentials: async () => password });
    registry.quirk = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      } else {
        response.writeHead(status, { location: `${thief.url}/blob` }).end();
      }
      return true;
    };
    const reading = (async () => {
      for await (const _ of client.getBlob({ repository: "a", descriptor: { digest, size: 1 } }));
    })();
    await fails(reading, "UNAUTHORIZED", /401/);
    assert.equal(thief.requests.length, 1);
    assert.equal(thief.requests[0]!.headers.authorization, undefined);
  }
});

test("credentials that were dropped on a redirect stay dropped on the way back", async (t) => {
  const { client, registry } = await setUp(t, { credentials: async () => password });
  const other = await otherServer(t, new FakeServer());
  other.handle = async (_request, response) => {
    response.writeHead(302, { location: `${registry.url}/back` }).end();
  };
  registry.quirk = (request, response, { path }) => {
    if (path === "/back") response.writeHead(200).end("x");
    else if (request.headers.authorization === undefined)
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
    else response.writeHead(302, { location: other.url }).end();
    return true;
  };
  for await (const _ of client.getBlob({ repository: "a", descriptor: { digest, size: 1 } }));
  assert.equal(registry.requests.at(-1)!.path, "/back");
  assert.equal(registry.requests.at(-1)!.headers.authorization, undefined);
});

test("credentials are looked up for the repository that is asked", async (t) => {
  const asked: (string | undefined)[][] = [];
  const { client, registry } = await setUp(t, {
    credentials: async (...of) => {
      asked.push(of);
      return password;
    },
  });
  registry.quirk = (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    return true;
  };
  await client.headBlob({ repository: "a/b", digest });
  assert.deepEqual(asked[0], [registry.host, "a/b"]);
});

test("a login is checked by ping, with a token for no scope", async (t) => {
  const { client, tokens } = await withTokens(t, { credentials: async () => password });
  await client.ping();
  assert.deepEqual(tokens.requests[0]!.query.getAll("scope"), []);
  assert.equal(tokens.requests[0]!.query.get("account"), "user");
});

test("a manifest is put with a token that may push, got after the first answer", async (t) => {
  const { client, reference, tokens } = await withTokens(t);
  await client.putManifest({
    reference: reference("a:t"),
    bytes: Buffer.from("{}"),
    mediaType: MediaType.ociManifest,
  });
  assert.deepEqual(tokens.requests[0]!.query.getAll("scope"), ["repository:a:pull,push"]);
});
