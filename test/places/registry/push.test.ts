/** What a push asks a registry before it sends. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { registrySink } from "#registry";
import { writeImage } from "#write";
import { draftWith } from "../../support/drafts.ts";
import { setUp } from "./support/setup.ts";

const SMALL = 1000;
/** Larger than a question is worth. */
const LARGE = 100_000;

describe("a blob that isn't in the tag's image yet", () => {
  it("is sent without a question if it is small", async (t) => {
    const push = await pusher(t);
    await push(["one", "two"], SMALL);
    assert.deepEqual(await push(["one", "three"], SMALL), { questions: 0, uploads: 2 });
  });

  it("is asked for if it is large", async (t) => {
    const push = await pusher(t);
    await push(["one", "two"], LARGE);
    assert.deepEqual(await push(["one", "three"], LARGE), { questions: 1, uploads: 2 });
  });

  it("is asked for if the tag names no image that could tell what is new", async (t) => {
    const push = await pusher(t);
    assert.deepEqual(await push(["one", "two"], SMALL), { questions: 3, uploads: 3 });
  });
});

/** Pushes layers of these seeds and size to one tag, and counts what the registry was asked. */
async function pusher(t: TestContext) {
  const { client, events, reference } = await setUp(t);
  const sink = registrySink({ client, reference: reference("team/app:1") });
  return async (seeds: readonly string[], size: number) => {
    events.length = 0;
    await writeImage(draftWith(seeds, size), [sink]);
    const are = (method: string, path: string) =>
      events.filter(
        ({ type, ...sent }) => type === "request" && sent.method === method && sent.url.includes(path),
      ).length;
    return { questions: are("HEAD", "/blobs/"), uploads: are("PUT", "/blobs/uploads/") };
  };
}
