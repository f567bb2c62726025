/** The pull side of the protocol, as it goes over the wire. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { digestOf, MediaType } from "#oci";
import { type PullServer, type PullSide, referrersAmong, servePulls } from "#serve";
import { bytesSource, exchange } from "#util";

const BLOB = Buffer.from("0123456789");
const BLOB_DIGEST = digestOf(BLOB);

function manifest(value: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, ...value }));
  return { bytes, mediaType: MediaType.ociManifest, digest: digestOf(bytes) };
}

const IMAGE = manifest({ config: { mediaType: MediaType.ociConfig }, layers: [] });
const SUBJECT = { subject: { digest: IMAGE.digest } };
const SBOM = manifest({ ...SUBJECT, artifactType: "application/sbom", annotations: { a: "b" } });
const SIGNATURE = manifest({ ...SUBJECT, config: { mediaType: "application/signature" } });
const MANIFESTS = [IMAGE, SBOM, SIGNATURE];

const SIDE: PullSide = {
  manifest(repository, name) {
    if (repository === "broken") throw new Error("secret");
    if (repository !== "team/app") return undefined;
    return name === "1" ? IMAGE : MANIFESTS.find(({ digest }) => digest === name);
  },
  blob(repository, digest) {
    if (repository === "broken") {
      return {
        size: 10,
        async *open() {
          yield BLOB.subarray(0, 5);
          throw new Error("no more");
        },
      };
    }
    if (repository !== "team/app" || digest !== BLOB_DIGEST) return undefined;
    return { size: BLOB.length, open: (from, to) => bytesSource(BLOB.subarray(from, to)).open() };
  },
  tags: (repository) => (repository === "team/app" ? ["b", "a", "d", "C"] : undefined),
  referrers: (_repository, digest) => referrersAmong(MANIFESTS, digest),
};

describe("the pull side of a registry", () => {
  let server: PullServer;
  const errors: unknown[] = [];

  before(async () => {
    server = await servePulls(SIDE, {
      listen: { host: "127.0.0.1", port: 0 },
      onError: (error) => errors.push(error),
    });
  });
  after(() => server[Symbol.asyncDispose]());

  async function ask(path: string, init: RequestInit = {}) {
    const response = await fetch(`http://${server.host.replace("localhost", "127.0.0.1")}${path}`, init);
    const header = (name: string) => response.headers.get(name);
    const text = await response.text();
    return { status: response.status, header, text, json: () => JSON.parse(text) };
  }

  const codeOf = ({ json }: { json: () => { errors: { code: string }[] } }) => json().errors[0]!.code;

  it("says that it is one", async () => {
    for (const path of ["/v2/", "/v2"]) {
      const { status, header } = await ask(path);
      assert.equal(status, 200);
      assert.equal(header("docker-distribution-api-version"), "registry/2.0");
    }
  });

  it("gives manifests by tag and by digest, and tells of them alone for HEAD", async () => {
    for (const name of ["1", IMAGE.digest, IMAGE.digest.replace(":", "%3A")]) {
      for (const method of ["GET", "HEAD"]) {
        const { status, header, text } = await ask(`/v2/team/app/manifests/${name}`, { method });
        assert.equal(status, 200);
        assert.equal(header("content-type"), MediaType.ociManifest);
        assert.equal(header("content-length"), `${IMAGE.bytes.length}`);
        assert.equal(header("docker-content-digest"), IMAGE.digest);
        assert.equal(text, method === "GET" ? IMAGE.bytes.toString() : "");
      }
    }
  });

  it("gives no manifest to whoever takes other ones only", async () => {
    const get = async (accept: string) =>
      (await ask("/v2/team/app/manifests/1", { headers: { accept } })).status;
    assert.equal(await get(MediaType.dockerManifest), 404);
    assert.equal(await get(`${MediaType.dockerManifest}, ${MediaType.ociManifest};q=0.5`), 200);
    assert.equal(await get(`${MediaType.dockerManifest}, */*`), 200);
    // That says nothing of manifests.
    assert.equal(await get("application/json"), 200);
  });

  it("gives blobs, and ranges of them", async () => {
    const get = async (range?: string) => {
      const headers = range === undefined ? {} : { range };
      const { status, header, text } = await ask(`/v2/team/app/blobs/${BLOB_DIGEST}`, { headers });
      assert.equal(header("accept-ranges"), status === 416 ? null : "bytes");
      return [status, header("content-range"), status === 416 ? "" : text];
    };
    assert.deepEqual(await get(), [200, null, "0123456789"]);
    assert.deepEqual(await get("bytes=2-4"), [206, "bytes 2-4/10", "234"]);
    assert.deepEqual(await get("bytes=7-"), [206, "bytes 7-9/10", "789"]);
    assert.deepEqual(await get("bytes=-3"), [206, "bytes 7-9/10", "789"]);
    assert.deepEqual(await get("bytes=-30"), [206, "bytes 0-9/10", "0123456789"]);
    assert.deepEqual(await get("bytes=8-100"), [206, "bytes 8-9/10", "89"]);
    assert.deepEqual(await get("bytes=0-"), [206, "bytes 0-9/10", "0123456789"]);
    assert.deepEqual(await get("bytes=10-"), [416, "bytes */10", ""]);
    assert.deepEqual(await get("bytes=-0"), [416, "bytes */10", ""]);
    // What isn't one range of bytes is passed over, as HTTP has it.
    for (const odd of ["bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=x"]) {
      assert.deepEqual(await get(odd), [200, null, "0123456789"], odd);
    }
    const { status, header, text } = await ask(`/v2/team/app/blobs/${BLOB_DIGEST}`, { method: "HEAD" });
    assert.deepEqual([status, header("content-length"), text], [200, "10", ""]);
  });

  it("lists tags in order, and in pages", async () => {
    const list = async (query: string) => {
      const { header, json } = await ask(`/v2/team/app/tags/list${query}`);
      return [json().tags, header("link")];
    };
    assert.deepEqual(await list(""), [["C", "a", "b", "d"], null]);
    const next = '</v2/team/app/tags/list?n=2&last=a>; rel="next"';
    assert.deepEqual(await list("?n=2"), [["C", "a"], next]);
    assert.deepEqual(await list("?n=2&last=a"), [["b", "d"], null]);
    assert.deepEqual(await list("?last=a"), [["b", "d"], null]);
    assert.deepEqual(await list("?n=0"), [[], null]);
    assert.equal(codeOf(await ask("/v2/other/tags/list")), "NAME_UNKNOWN");
  });

  it("lists what refers to a manifest, of one type if that is asked for", async () => {
    const { header, json } = await ask(`/v2/team/app/referrers/${IMAGE.digest}`);
    assert.equal(header("content-type"), MediaType.ociIndex);
    assert.deepEqual(json(), {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [
        {
          ...{ mediaType: MediaType.ociManifest, digest: SBOM.digest, size: SBOM.bytes.length },
          ...{ artifactType: "application/sbom", annotations: { a: "b" } },
        },
        {
          ...{ mediaType: MediaType.ociManifest, digest: SIGNATURE.digest, size: SIGNATURE.bytes.length },
          artifactType: "application/signature",
        },
      ],
    });
    const one = await ask(`/v2/team/app/referrers/${IMAGE.digest}?artifactType=application/sbom`);
    assert.equal(one.header("oci-filters-applied"), "artifactType");
    assert.equal(one.json().manifests.length, 1);
    assert.deepEqual((await ask(`/v2/team/app/referrers/${SBOM.digest}`)).json().manifests, []);
    assert.equal((await ask("/v2/team/app/referrers/x")).status, 400);
  });

  it("says in the specification's words what it doesn't have, and that it takes nothing", async () => {
    const gone = async (path: string, method = "GET") => {
      const answer = await ask(path, { method });
      return [answer.status, codeOf(answer)];
    };
    assert.deepEqual(await gone("/v2/team/app/manifests/2"), [404, "MANIFEST_UNKNOWN"]);
    assert.deepEqual(await gone("/v2/team/app/manifests/%zz"), [404, "MANIFEST_UNKNOWN"]);
    assert.deepEqual(await gone(`/v2/team/app/blobs/${IMAGE.digest}`), [404, "BLOB_UNKNOWN"]);
    assert.deepEqual(await gone("/v2/team/app/blobs/x"), [404, "BLOB_UNKNOWN"]);
    assert.deepEqual(await gone("/v2/NO/manifests/1"), [404, "NAME_INVALID"]);
    assert.deepEqual(await gone("/elsewhere"), [404, "NOT_FOUND"]);
    assert.deepEqual(await gone("/v2/team/app/tags/other"), [404, "NOT_FOUND"]);
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      assert.deepEqual(await gone("/v2/team/app/manifests/1", method), [405, "UNSUPPORTED"]);
    }
    const { header } = await ask("/v2/team/app/blobs/uploads/", { method: "POST", body: BLOB });
    assert.equal(header("allow"), "GET, HEAD");
  });

  it("says nothing of a fault but that there is one, and cuts off what isn't whole", async () => {
    const answer = await ask("/v2/broken/manifests/1");
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret/);
    await assert.rejects(ask(`/v2/broken/blobs/${BLOB_DIGEST}`));
    assert.deepEqual(
      errors.map((error) => (error as Error).message),
      ["secret", "no more"],
    );
  });

  it("on loopback answers only to names of this machine, so that no web page reads what it has", async () => {
    const port = Number(server.host.split(":")[1]);
    const statusFor = async (host: string) => {
      const { status, body } = await exchange({
        url: new URL(`http://127.0.0.1:${port}/v2/`),
        method: "GET",
        headers: { host },
      });
      body.destroy();
      return status;
    };
    const names = ["localhost", "127.0.0.1:1", "[::1]:80", "app.localhost:5000", "host.docker.internal"];
    for (const name of names) assert.equal(await statusFor(name), 200, name);
    for (const name of ["example.com", "localhost.example.com:5000", "1.2.3.4"])
      assert.equal(await statusFor(name), 403, name);
  });

  it("says which address it can't have", async () => {
    const port = Number(server.host.split(":")[1]);
    await assert.rejects(servePulls(SIDE, { listen: { host: "127.0.0.1", port } }), {
      code: "CANNOT_LISTEN",
      message: `cannot listen on 127.0.0.1:${port}: another program does so already; name another with --listen`,
    });
  });
});
