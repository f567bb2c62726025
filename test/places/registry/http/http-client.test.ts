import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { type TestContext, test } from "node:test";
import { digestOf } from "#oci";
import { HttpClient, RegistryClient } from "#registry";
import { bodyOf, FakeServer } from "#testing";
import { proxyFor } from "../../../../src/places/registry/http/dispatcher.ts";
import { isLoopback } from "../../../../src/places/registry/http/endpoint.ts";
import { Headers, retryAfterOf } from "../../../../src/places/registry/http/headers.ts";
import { Backoff } from "../../../../src/places/registry/http/retry.ts";
import { fails, otherServer, setUp } from "../support/setup.ts";
import { CERTIFICATE, KEY } from "../support/tls.ts";

const digest = digestOf(Buffer.from("x"));

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

test("answers that may get better are asked for again, with longer and longer pauses", async (t) => {
  const { registry, client, pauses, events } = await setUp(t);
  registry.addBlob("a", Buffer.from("x"));
  const statuses = [500, 502, 503, 504, 429];
  registry.quirk = (_request, response) => {
    const status = statuses.shift();
    if (status !== undefined) response.writeHead(status).end();
    return status !== undefined;
  };
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000]);
  assert.equal(events.filter(({ type }) => type === "retry").length, 5);
});

test("an answer that never gets better is an error in the end, after a bounded number of attempts", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  await fails(client.headBlob({ repository: "a", digest }), "NETWORK", /503/);
  assert.equal(registry.requests.length, 6);
});

test("Retry-After is kept in seconds and as a date, and one beyond patience ends the attempts", async (t) => {
  const { registry, client, pauses } = await setUp(t);
  const date = "Tue, 01 Jul 2025 10:00:00 GMT";
  const headers = [
    { "retry-after": "3" },
    { "retry-after": "Tue, 01 Jul 2025 10:00:20 GMT", date },
    { "retry-after": "nonsense" },
    { "retry-after": "86400" },
  ];
  registry.quirk = (_request, response) => {
    response.writeHead(429, headers.shift()).end();
    return true;
  };
  await fails(client.headBlob({ repository: "a", digest }), "NETWORK", /429.*86400 s/);
  assert.deepEqual(pauses, [3000, 20_000, 2000]);
  assert.equal(retryAfterOf(new Headers({ "retry-after": ["Tue, 01 Jul 2025 10:00:20 GMT"] })), undefined);
});

test("the jitter takes at most half of a pause, and the pause has a ceiling", () => {
  const delay = (random: number, attempt: number) =>
    new Backoff({ random: () => random, attempts: 20 }).delay(attempt);
  assert.deepEqual([delay(0, 1), delay(1, 1), delay(0, 2), delay(1, 15)], [250, 500, 500, 10_000]);
  assert.equal(new Backoff({ attempts: 3 }).delay(3), undefined);
});

test("a request that may have been carried out is not sent again by itself", async (t) => {
  const { registry, http } = await setUp(t);
  registry.quirk = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  const url = new URL("/x", registry.url);
  const response = await http.request({
    method: "PATCH",
    url,
    what: "x",
    body: { bytes: Buffer.from("x") },
  });
  assert.equal(response.status, 503);
  assert.equal(registry.requests.length, 1);
});

test("a connection that breaks is made again", async (t) => {
  const { registry, client, pauses } = await setUp(t);
  registry.addBlob("a", Buffer.from("x"));
  let breaks = 3;
  registry.quirk = (_request, response) => {
    if (breaks-- > 0) response.destroy();
    return breaks >= 0;
  };
  assert.equal(await client.headBlob({ repository: "a", digest }), 1);
  assert.equal(pauses.length, 3);
});

test("a registry that isn't there is an error that says so", async (t) => {
  const port = await (async () => {
    const server = createTcpServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  })();
  const http = new HttpClient({ retry: { sleep: async () => {} } });
  t.after(() => http.close());
  const client = new RegistryClient({ registry: `127.0.0.1:${port}`, http });
  await fails(client.ping(), "NETWORK", /127\.0\.0\.1:\d+: the connection was refused/);
});

test("a server that answers nothing, or stops in the middle, is given up in time", async (t) => {
  const impatient = (timeouts: { headers?: number; body?: number }) =>
    setUp(t, { http: { timeouts, retry: { attempts: 1 } } });
  const silent = await impatient({ headers: 40 });
  silent.registry.quirk = () => true;
  await fails(silent.client.headBlob({ repository: "a", digest }), "NETWORK", /no answer came in time/);
  const stopping = await impatient({ body: 40 });
  stopping.registry.quirk = (_request, response) => {
    response.writeHead(200, { "content-length": 1 }).flushHeaders();
    return true;
  };
  const reading = (async () => {
    for await (const _ of stopping.client.getBlob({ repository: "a", descriptor: { digest, size: 1 } }));
  })();
  await fails(reading, "NETWORK", /too little, passed within the time limit/);
});

test("an answer that is no HTTP is refused as what it is", async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => void socket.end("SSH-2.0-OpenSSH\r\n\r\n")),
  );
  const http = new HttpClient({ retry: { attempts: 1 } });
  t.after(() => http.close());
  const url = new URL(`http://127.0.0.1:${port}/`);
  await fails(http.request({ method: "GET", url, what: "x" }), "REGISTRY_PROTOCOL", /not HTTP/);
});

test("redirects are followed a few times, and no more", async (t) => {
  const { registry, client } = await setUp(t);
  registry.quirk = (_request, response, { path }) => {
    response.writeHead(302, { location: `${path}x` }).end();
    return true;
  };
  await fails(client.headBlob({ repository: "a", digest }), "REGISTRY_PROTOCOL", /more than 5 times/);
  assert.equal(registry.requests.length, 6);
});

test("redirects to plain http elsewhere and to other schemes are refused", async (t) => {
  const { registry, client } = await setUp(t);
  for (const location of ["http://192.0.2.1/x", "file:///etc/passwd", "gopher://x/", "http://[::bad"]) {
    registry.quirk = (_request, response) => {
      response.writeHead(302, { location }).end();
      return true;
    };
    await fails(client.headBlob({ repository: "a", digest }), "REGISTRY_PROTOCOL", /redirects/);
  }
});

test("a redirect sends a body on only when it says that the method stays", async (t) => {
  const { registry, client, reference } = await setUp(t);
  const put = () =>
    client.putManifest({ reference: reference("a:t"), bytes: Buffer.from("{}"), mediaType: "m" });
  let body = "";
  for (const status of [307, 308]) {
    registry.quirk = async (request, response, seen) => {
      if (seen.path !== "/moved") response.writeHead(status, { location: "/moved" }).end();
      else {
        body += `${seen.method} ${await bodyOf(request, seen)} `;
        response.writeHead(201).end();
      }
      return true;
    };
    await put();
  }
  assert.equal(body, "PUT {} PUT {} ");
  registry.quirk = (_request, response) => {
    response.writeHead(302, { location: "/moved" }).end();
    return true;
  };
  await fails(put(), "REGISTRY_PROTOCOL", /would lose what is sent/);
});

test("a cancelled request ends with ABORTED, in a pause too", async (t) => {
  const controller = new AbortController();
  const { registry, client } = await setUp(t, {
    http: {
      retry: {
        sleep: async (_milliseconds, signal) => {
          controller.abort();
          signal!.throwIfAborted();
        },
      },
    },
  });
  registry.quirk = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  await fails(
    client.headBlob({ repository: "a", digest, signal: controller.signal }),
    "ABORTED",
    /cancelled/,
  );
  assert.equal(registry.requests.length, 1);
  await fails(
    client.headBlob({ repository: "a", digest, signal: controller.signal }),
    "ABORTED",
    /cancelled/,
  );
  assert.equal(registry.requests.length, 1);
});

test("every request that goes out is told of, without its query", async (t) => {
  const { registry, client, events } = await setUp(t);
  registry.addBlob("a", Buffer.from("x"));
  events.length = 0;
  await client.mountBlob({ repository: "b", digest, from: "a" });
  const own = events.filter((event) => event.method === "POST");
  assert.deepEqual(own, [
    { type: "request", method: "POST", url: `${registry.url}/v2/b/blobs/uploads/` },
    { type: "response", method: "POST", url: `${registry.url}/v2/b/blobs/uploads/`, status: 201 },
  ]);
});

test("plain http is used with this machine only, unless insecure is allowed", async (t) => {
  const http = new HttpClient();
  const insecure = new HttpClient({ insecure: true });
  t.after(() => Promise.all([http.close(), insecure.close()]));
  for (const host of ["localhost", "a.localhost", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]) {
    assert.ok(http.allows(new URL(`http://${host}/`)), host);
  }
  for (const host of [
    "example.com",
    "128.0.0.1",
    "127.0.0.1.evil.com",
    "localhost.evil.com",
    "[::2]",
    "10.0.0.1",
  ]) {
    assert.ok(!http.allows(new URL(`http://${host}/`)), host);
    assert.ok(insecure.allows(new URL(`http://${host}/`)), host);
    assert.ok(http.allows(new URL(`https://${host}/`)), host);
  }
  assert.ok(!insecure.allows(new URL("ftp://example.com/")));
  assert.ok(!isLoopback("[::ffff:7f00:1]"));
  const url = new URL("http://192.0.2.1/");
  await fails(http.request({ method: "GET", url, what: "x" }), "USAGE", /plain http/);
});

test("a port of this machine whose server speaks http is asked over nothing else, and gets credentials only when it asks", async (t) => {
  const seen: string[] = [];
  const begun: number[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`);
    response
      .writeHead(request.headers.authorization ? 200 : 401, { "www-authenticate": 'Basic realm="r"' })
      .end();
  });
  server.on("connection", (socket) => socket.once("data", (data) => begun.push(data[0]!)));
  const port = await listen(t, server);
  const http = new HttpClient();
  t.after(() => http.close());
  const credentials = async () => ({ kind: "password", username: "u", password: "p" }) as const;
  await new RegistryClient({ registry: `127.0.0.1:${port}`, http, credentials }).ping();
  assert.deepEqual(new Set(begun), new Set(["G".charCodeAt(0)]));
  assert.deepEqual(seen, ["GET /v2/ ", "GET /v2/ ", "GET /v2/ Basic dTpw"]);
});

test("a port of this machine that answers over http, but not as a registry does, is asked over https", async (t) => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const begun: number[] = [];
  server.on("connection", (socket) => socket.once("data", (data) => begun.push(data[0]!)));
  const port = await listen(t, server);
  const http = new HttpClient();
  t.after(() => http.close());
  await fails(new RegistryClient({ registry: `127.0.0.1:${port}`, http }).ping(), "REGISTRY_PROTOCOL", /404/);
  const TLS_HANDSHAKE = 22;
  assert.deepEqual(begun.slice(0, 2), ["G".charCodeAt(0), TLS_HANDSHAKE]);
});

test("https is spoken with an authority the caller gives, and not without", async (t) => {
  const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, (_request, response) => response.end());
  const port = await listen(t, server as unknown as Server);
  const trusting = new HttpClient({ ca: [CERTIFICATE] });
  const wary = new HttpClient();
  t.after(() => Promise.all([trusting.close(), wary.close()]));
  const registry = `localhost:${port}`;
  await new RegistryClient({ registry, http: trusting }).ping();
  // A certificate that isn't trusted never leads to plain http.
  await fails(
    new RegistryClient({ registry, http: wary }).ping(),
    "NETWORK",
    /certificate of localhost:\d+ is not trusted/,
  );
});

test("proxies are taken from the environment given, and never for this machine", () => {
  const env = {
    https_proxy: "http://p:1",
    HTTP_PROXY: "q:2",
    no_proxy: "internal, .corp.net,*.x.org other:8443 10.0.0.1,::2",
  };
  const proxy = (url: string, other = env) => proxyFor(new URL(url), other)?.host;
  assert.equal(proxy("https://example.com"), "p:1");
  assert.equal(proxy("http://example.com"), "q:2");
  assert.equal(proxy("https://notinternal"), "p:1");
  assert.equal(proxy("https://other"), "p:1");
  for (const host of [
    "internal",
    "a.internal",
    "corp.net",
    "a.corp.net",
    "x.org",
    "y.x.org",
    "other:8443",
    "10.0.0.1",
    "[::2]",
  ]) {
    assert.equal(proxy(`https://${host}`), undefined, host);
  }
  for (const host of ["localhost:5000", "127.0.0.1", "[::1]"])
    assert.equal(proxy(`https://${host}`), undefined, host);
  assert.equal(
    proxyFor(new URL("https://example.com"), { HTTPS_PROXY: "http://p", NO_PROXY: "*" }),
    undefined,
  );
  assert.throws(() => proxyFor(new URL("https://a.b"), { https_proxy: "socks5://x" }), /https_proxy/);
});

test("an https registry is reached through a proxy's tunnel, and the proxy sees no credentials", async (t) => {
  const registry = createTlsServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    const known = request.headers.authorization !== undefined;
    response.writeHead(known ? 200 : 401, { "www-authenticate": "Basic" }).end();
  });
  const port = await listen(t, registry as unknown as Server);
  const proxy = await otherServer(t, new FakeServer());
  const tunnels: (string | undefined)[] = [];
  proxy.onConnect((request, socket) => {
    tunnels.push(request.url, request.headers.authorization);
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  const http = new HttpClient({ ca: [CERTIFICATE], env: { https_proxy: proxy.url } });
  t.after(() => http.close());
  const client = new RegistryClient({
    registry: "registry.test",
    http,
    credentials: async () => ({ kind: "password", username: "u", password: "p" }),
  });
  await client.ping();
  assert.deepEqual(tunnels.slice(0, 2), ["registry.test:443", undefined]);
  assert.equal(proxy.requests.length, 0);
});

test("a proxy that makes no tunnel is said to be the reason", async (t) => {
  const proxy = await otherServer(t, new FakeServer());
  proxy.onConnect((_request, socket) => socket.end("HTTP/1.1 407 Who are you\r\n\r\n"));
  const http = new HttpClient({ env: { https_proxy: proxy.url } });
  t.after(() => http.close());
  const url = new URL("https://registry.test/v2/");
  const words = new RegExp(`the proxy ${proxy.host} answered 407`);
  await fails(http.request({ method: "GET", url, what: "x" }), "NETWORK", words);
});
