/**
 * A registry that misbehaves: in how it sends answers, in what it says of them, and in where it sends its clients.
 * Whatever it does, the client has the right bytes or a refusal, in bounded time, leaves nothing behind, and gives the
 * user's password to nobody but the registry.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOf, parseReference } from "#oci";
import { HttpClient, RegistryClient } from "#registry";
import { FakeServer, fail } from "#testing";
import {
  type Answer,
  type Mode,
  OddServer,
  type Request,
  SOUND_MODES,
  UNSOUND_MODES,
} from "../places/registry/support/odd-server.ts";
import { sampleBytes } from "../places/registry/support/setup.ts";
import { outcomeOf, type Target } from "./target.ts";

const REPOSITORY = "a/b";
const USER = { kind: "password", username: "user", password: "fuzz-secret" } as const;
const SECRET = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");

/** Bounds on a server's silence, in milliseconds: far above what loopback takes, far below what people would wait. */
const LIMITS = { connect: 2000, headers: 400, body: 400 };

/** Answers that are right HTTP and a wrong registry's. `elsewhere` is another server, which must learn nothing. */
const LIES: Readonly<Record<string, (answer: Answer, request: Request, elsewhere: string) => Answer>> = {
  "another byte": (answer) => {
    const body = Buffer.from(answer.body);
    if (body.length > 0) body[body.length >> 1]! ^= 1;
    return { ...answer, body };
  },
  "fewer bytes": (answer) => ({ ...answer, body: answer.body.subarray(1) }),
  "more bytes": (answer) => ({ ...answer, body: Buffer.concat([answer.body, Buffer.from("x")]) }),
  "no bytes": (answer) => ({ ...answer, body: Buffer.alloc(0) }),
  "another digest": (answer) => withHeader(answer, "Docker-Content-Digest", `sha256:${"0".repeat(64)}`),
  "no digest at all": (answer) => withHeader(answer, "Docker-Content-Digest", "x"),
  "another type": (answer) => withHeader(answer, "Content-Type", "text/html"),
  "a redirect to somebody else": (_answer, { path }, elsewhere) => redirect(302, `${elsewhere}${path}`),
  "a redirect with a name and a password": (_answer, { path }, elsewhere) =>
    redirect(307, `${elsewhere.replace("://", "://a:b@")}${path}`),
  "a redirect to a file": () => redirect(301, "file:///etc/passwd"),
  "a redirect to nothing": () => redirect(308, "http://[::"),
  "401 without a word": () => ({ status: 401, headers: [], body: Buffer.alloc(0) }),
  "401 with Basic": () => challenge('Basic realm="x"'),
  "401 with somebody else's realm": (_answer, _request, elsewhere) =>
    challenge(`Bearer realm="${elsewhere}/token",service="x",scope="repository:a/b:pull"`),
  "401 with a realm that is none": () => challenge('Bearer realm="ftp://x/"'),
  "a manifest of another image": (answer) => ({ ...answer, body: Buffer.from('{"schemaVersion":2}') }),
  "a status that nobody knows": (answer) => ({ ...answer, status: 299 }),
  "no content": (answer) => ({ ...answer, status: 204, body: Buffer.alloc(0) }),
  "a failure": (answer) => ({ ...answer, status: 500 }),
  "too many": () => ({ status: 429, headers: [["Retry-After", "1e9"]], body: Buffer.alloc(0) }),
};

function withHeader(answer: Answer, name: string, value: string): Answer {
  const others = answer.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  return { ...answer, headers: [...others, [name, value]] };
}

const redirect = (status: number, to: string): Answer => ({
  status,
  headers: [["Location", to]],
  body: Buffer.alloc(0),
});
const challenge = (value: string): Answer => ({
  status: 401,
  headers: [["WWW-Authenticate", value]],
  body: Buffer.alloc(0),
});

const lie = fc.oneof(
  fc.constantFrom("another byte", "fewer bytes", "more bytes", "a redirect to somebody else"),
  fc.constantFrom(...Object.keys(LIES)),
);

/** How one request is answered: with this lie, if any, in this way. */
interface Step {
  readonly lie: string | undefined;
  readonly mode: string;
}

const MODES: Readonly<Record<string, Mode>> = { ...SOUND_MODES, ...UNSOUND_MODES };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ lie, mode: fc.constant("plain") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ lie: fc.constant(undefined), mode: fc.constantFrom(...Object.keys(SOUND_MODES)) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      lie: fc.option(lie, { nil: undefined }),
      mode: fc.constantFrom(...Object.keys(MODES)),
    }),
  },
);

interface Scenario {
  /** How the first requests are answered; what comes after them is answered well. */
  readonly steps: readonly Step[];
  readonly size: number;
  readonly seed: number;
  readonly work: "pull" | "push" | "stream" | "manifest" | "tag";
  /** Whether the reader takes its time. */
  readonly slow: boolean;
  /** Whether the registry wants the password for all it does. */
  readonly wantsPassword: boolean;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  size: fc.oneof(fc.constantFrom(0, 1, 500), fc.nat(3000), fc.constantFrom(300_000)),
  seed: fc.nat(),
  work: fc.constantFrom("pull", "pull", "push", "stream", "manifest", "tag"),
  slow: fc.boolean(),
  wantsPassword: fc.boolean(),
});

/** Another origin: asks for the password as registries do, and remembers what it was given. */
class Elsewhere extends FakeServer {
  override async handle(...[, response]: Parameters<FakeServer["handle"]>): Promise<void> {
    response.setHeader("www-authenticate", 'Basic realm="elsewhere"');
    fail(response, 401, "UNAUTHORIZED", "who are you?");
  }
}

async function check(given: Scenario): Promise<void> {
  const elsewhere = await new Elsewhere().start();
  let asked = 0;
  const mode = (request: Request): Mode | undefined => {
    // How the client finds out that this isn't https is another story.
    if (request.path === "/v2/") return undefined;
    if (given.wantsPassword && !request.headers.has("authorization")) {
      return (line, _answer, again) => SOUND_MODES.plain(line, challenge('Basic realm="x"'), again);
    }
    const step = given.steps[asked++];
    if (step === undefined) return undefined;
    return (line, answer) => {
      const told = step.lie === undefined ? answer : LIES[step.lie]!(answer, request, elsewhere.url);
      return MODES[step.mode]!(line, told, request);
    };
  };
  const server = await new OddServer({ mode, seed: given.seed }).start();
  const http = new HttpClient({
    timeouts: LIMITS,
    retry: { attempts: 3, sleep: async (_, signal) => signal?.throwIfAborted() },
  });
  try {
    const client = new RegistryClient({ registry: server.host, http, credentials: async () => USER });
    await work(client, server, given);
  } finally {
    await http.close();
    await server.stop();
    await elsewhere.stop();
  }
  const told = JSON.stringify(
    elsewhere.requests.map(({ headers, path, query }) => [headers, path, [...query]]),
  );
  assert.ok(
    !told.includes(SECRET) && !told.includes(USER.password),
    `somebody else was told the password: ${told}`,
  );
}

async function work(
  client: RegistryClient,
  server: OddServer,
  { size, work, slow }: Scenario,
): Promise<void> {
  const { registry } = server;
  const bytes = sampleBytes(size);
  const digest = digestOf(bytes);
  const descriptor = { digest, size };
  if (work === "pull") {
    registry.addBlob(REPOSITORY, bytes);
    const pulled = await outcomeOf(() =>
      collected(client.getBlob({ repository: REPOSITORY, descriptor }), slow),
    );
    if ("value" in pulled) assert.ok(pulled.value.equals(bytes), "the bytes are those that were asked for");
    return;
  }
  if (work === "push" || work === "stream") {
    const open = async function* () {
      for (let at = 0; at < size; at += 70_000) yield bytes.subarray(at, at + 70_000);
    };
    const blob = work === "push" ? { open, descriptor } : { open };
    const pushed = await outcomeOf(() => client.uploadBlob(blob, { repository: REPOSITORY }));
    if ("value" in pushed) assert.deepEqual(pushed.value, descriptor);
    return;
  }
  const document = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...descriptor },
      layers: [],
    }),
  );
  const name = work === "tag" ? ":latest" : `@${digestOf(document)}`;
  const entry = { bytes: document, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  registry.manifests.set(`${REPOSITORY}:${name.slice(1)}`, entry);
  const reference = parseReference(`${server.host}/${REPOSITORY}${name}`);
  const found = await outcomeOf(() => client.getManifest({ reference }));
  if (!("value" in found)) return;
  const { document: read } = found.value;
  assert.equal(read.descriptor.digest, digestOf(read.bytes));
  if (work === "manifest") assert.ok(Buffer.from(read.bytes).equals(document), "the manifest has its digest");
}

async function collected(chunks: AsyncIterable<Uint8Array>, slow: boolean): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    parts.push(Uint8Array.from(chunk));
    for (let turn = 0; slow && turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return Buffer.concat(parts);
}

export const registry: Target = {
  name: "registry",
  runs: 60,
  property: () => fc.asyncProperty(scenario, check),
};
