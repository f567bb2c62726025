/** Writers of a shared cache that get in each other's way at every place where they can. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { decodeSegment, encodeSegment, NO_SUB, recordName, type SharedRecord } from "#cache";
import { digestOf } from "#oci";
import { RegistryClient } from "#registry";
import { fail } from "#testing";
import { pushTo } from "../../../src/places/transports/shared-cache/exchange.ts";
import { shortName } from "../../../src/places/transports/shared-cache/names.ts";
import { lookUp, openSegments } from "../../../src/places/transports/shared-cache/open.ts";
import {
  registryStore,
  type SegmentName,
  type SegmentStore,
} from "../../../src/places/transports/shared-cache/store.ts";
import { setUp } from "../registry/support/setup.ts";

const TODAY = 20_000;

/** As many segments as are there without anybody's minding; one more, and they are merged. */
const BEFORE = 8;

function recordOf(number: number): SharedRecord {
  const digest = digestOf(Buffer.from(`layer ${number}`));
  return { key: digest.slice(7, 23), kind: "layer", sub: NO_SUB, digest, size: number, day: TODAY };
}

/** A registry of segments in which everything waits for its turn, and which notices when something gets lost. */
class Turns {
  readonly #segments = new Map<string, Uint8Array>();
  /** What was put, by the names of the records. */
  readonly #promised = new Map<string, SharedRecord>();
  /** What each writer waits for. */
  readonly waiting: (() => void)[][] = [];

  constructor() {
    for (let number = 0; number < BEFORE; number++) {
      this.#put(encodeSegment({ records: [recordOf(1000 + number)], replaced: [] }));
    }
  }

  /** The registry as a writer sees it. */
  storeOf(writer: number): SegmentStore {
    this.waiting[writer] = [];
    const turn = async <T>(work: () => T): Promise<T> => {
      await new Promise<void>((resolve) => this.waiting[writer]!.push(resolve));
      return work();
    };
    return this.#store(turn);
  }

  /** The registry as it is when nobody else does anything. */
  get reader(): SegmentStore {
    return this.#store(async (work) => work());
  }

  #store(turn: <T>(work: () => T) => Promise<T>): SegmentStore {
    return {
      name: "the cache",
      anchor: () => turn(() => "present"),
      putAnchor: () => turn(() => undefined),
      list: () =>
        turn(() =>
          [...this.#segments].map(([digest, { length }]) => ({ digest, size: length }) as SegmentName),
        ),
      read: ({ digest }) => turn(() => this.#segments.get(digest)),
      readPart: ({ digest }, { from, to }) =>
        turn(() => {
          const bytes = this.#segments.get(digest);
          return bytes && { from, bytes: bytes.subarray(from, to) };
        }),
      putNotes: () => assert.fail("there are no bases"),
      hasNotes: () => assert.fail("there are no bases"),
      put: (bytes) => turn(() => this.#put(bytes)),
      remove: ({ digest }) =>
        turn(() => {
          this.#segments.delete(digest);
          this.check();
          return true;
        }),
    };
  }

  #put(bytes: Uint8Array): SegmentName {
    const digest = digestOf(bytes);
    this.#segments.set(digest, bytes);
    for (const record of decodeSegment(bytes)!.records) this.#promised.set(recordName(record), record);
    return { digest, size: bytes.length };
  }

  /** Whether a reader would find all that was ever put. */
  check(): void {
    const segments = [...this.#segments].map(([digest, bytes]) => ({ digest, ...decodeSegment(bytes)! }));
    const replaced = new Set(segments.flatMap(({ replaced }) => replaced));
    const live = segments.filter(({ digest }) => !replaced.has(shortName(digest as SegmentName["digest"])));
    const found = new Set(live.flatMap(({ records }) => records.map(recordName)));
    for (const name of this.#promised.keys()) assert.ok(found.has(name), `${name} is lost`);
  }

  /** Lets a writer do one thing; false if it waits for nothing. */
  async step(writer: number): Promise<boolean> {
    const next = this.waiting[writer]!.shift();
    if (next === undefined) return false;
    next();
    await setImmediate();
    return true;
  }

  /** Lets a writer do so many things. @returns how many it did before it came to its end */
  async steps(writer: number, count = Number.POSITIVE_INFINITY): Promise<number> {
    let done = 0;
    while (done < count && (await this.step(writer))) done++;
    return done;
  }
}

/** Lets writers push one record each, in whatever order a plan gives them turns. */
async function race(writers: number, plan: (turns: Turns) => Promise<unknown>): Promise<void> {
  const turns = new Turns();
  const pushed = Array.from({ length: writers }, (_, writer) =>
    pushTo(turns.storeOf(writer), {
      records: [recordOf(writer)],
      bases: new Map(),
      today: TODAY,
      pause: async () => {},
    }),
  );
  await setImmediate();
  await plan(turns);
  turns.check();
  const open = await openSegments(turns.reader);
  const keys = Array.from({ length: writers }, (_, writer) => recordOf(writer).key);
  const { records } = await lookUp(turns.reader, open, { keys, today: TODAY });
  const done = (await Promise.race([Promise.all(pushed), undefined])) !== undefined;
  if (done) assert.equal(records.length, writers);
}

describe("writers of a shared cache, of whom each may be held up anywhere,", () => {
  it("lose nothing when one stops after any step and goes on after another has come and gone", async () => {
    let stop = 0;
    for (let more = true; more; stop++) {
      await race(2, async (turns) => {
        more = (await turns.steps(0, stop)) === stop;
        await turns.steps(1);
        await turns.steps(0);
      });
    }
    assert.ok(stop > 20, `${stop} steps`);
  });

  it("lose nothing when two stop after any steps and a third comes and goes", async () => {
    for (let first = 0, more = true; more; first++) {
      for (let second = 0, others = true; others; second++) {
        await race(3, async (turns) => {
          more = (await turns.steps(0, first)) === first;
          others = (await turns.steps(1, second)) === second;
          await turns.steps(2);
          await turns.steps(first % 2);
          await turns.steps(1 - (first % 2));
        });
      }
    }
  });

  it("lose nothing when one is killed after any step", async () => {
    for (let stop = 0, more = true; more; stop++) {
      await race(2, async (turns) => {
        more = (await turns.steps(0, stop)) === stop;
        await turns.steps(1);
      });
    }
  });

  it("lose nothing when four take turns in whatever order", async () => {
    for (let seed = 1; seed <= 150; seed++) {
      let state = seed;
      await race(4, async (turns) => {
        while (turns.waiting.some((waiting) => waiting.length > 0)) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          // Now and then one of them gets far ahead.
          await turns.steps(state >>> 30, (state >>> 20) % 8 === 0 ? 12 : 1);
        }
      });
    }
  });

  it("merge a few times and not each by itself, however long that takes, and leave what others will merge", async () => {
    const turns = new Turns();
    const writers = 40;
    const isOpen = Promise.withResolvers<void>();
    let merging = 0;
    let ended = 0;
    const push = async (writer: number) => {
      const store = turns.reader;
      const held: SegmentStore = {
        ...store,
        async put(bytes, notes) {
          if (decodeSegment(bytes)!.replaced.length > 0) {
            merging++;
            // A registry that is slow: it takes longer than anybody waits.
            if (merging + ended === writers) isOpen.resolve();
            await isOpen.promise;
          }
          return await store.put(bytes, notes);
        },
      };
      await pushTo(held, {
        records: [recordOf(writer)],
        bases: new Map(),
        today: TODAY,
        pause: () => setImmediate(),
      });
      ended++;
      if (merging + ended === writers) isOpen.resolve();
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => push(writer)));
    turns.check();
    assert.ok(merging <= 10, `${merging} have merged`);
  });

  it("lose nothing in a registry when one is held up at any of its requests until another has come and gone", async (t) => {
    const { http, registry, reference } = await setUp(t);
    const clientOf = (username: string) =>
      new RegistryClient({
        registry: registry.host,
        http,
        credentials: async () => ({ kind: "password", username, password: "x" }),
      });
    const clients = { slow: clientOf("slow"), quick: clientOf("quick") };
    const isSlow = (header = "") =>
      Buffer.from(header.slice("Basic ".length), "base64").toString() === "slow:x";
    let stop = 0;
    for (let reached = true; reached; stop++) {
      const store = (client: RegistryClient) =>
        registryStore(client, { reference: reference(`team/cache:after-${stop}`) });
      const push = (client: RegistryClient, number: number) =>
        pushTo(store(client), {
          records: [recordOf(number)],
          bases: new Map(),
          today: TODAY,
          pause: async () => {},
        });
      registry.quirk = undefined;
      registry.blobs.clear();
      registry.manifests.clear();
      await store(clients.quick).putAnchor();
      for (let number = 0; number < BEFORE; number++) {
        await store(clients.quick).put(
          encodeSegment({ records: [recordOf(1000 + number)], replaced: [] }),
          [],
        );
      }
      let seen = 0;
      registry.quirk = async (_request, response, { headers: { authorization } }) => {
        if (authorization === undefined) {
          response.setHeader("www-authenticate", 'Basic realm="who is it"');
          fail(response, 401, "UNAUTHORIZED", "say who it is");
          return true;
        }
        if (isSlow(authorization) && seen++ === stop) await push(clients.quick, 2);
        return false;
      };
      await push(clients.slow, 1);
      reached = seen > stop;
      const keys = [
        1,
        ...(reached ? [2] : []),
        ...Array.from({ length: BEFORE }, (_, number) => 1000 + number),
      ];
      const open = await openSegments(store(clients.quick));
      const found = await lookUp(store(clients.quick), open, {
        keys: keys.map((number) => recordOf(number).key),
        today: TODAY,
      });
      assert.deepEqual(
        found.records.map(({ size }) => size).sort((one, two) => one - two),
        keys,
        `stopped at ${stop}`,
      );
    }
    assert.ok(stop > 30, `${stop} requests`);
  });
});
