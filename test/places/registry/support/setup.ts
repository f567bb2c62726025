import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type ErrorCode, VarveError } from "#errors";
import { type Digest, digestOf, parseReference, type Reference } from "#oci";
import {
  HttpClient,
  type HttpClientOptions,
  RegistryClient,
  type RegistryClientOptions,
  type RequestEvent,
} from "#registry";
import { FakeRegistry, type FakeServer } from "#testing";

/** A client of a fake registry, and what it did; everything ends with the test. */
export interface Setup {
  readonly registry: FakeRegistry;
  readonly client: RegistryClient;
  readonly http: HttpClient;
  /** The pauses between attempts, in milliseconds; none is really made. */
  readonly pauses: number[];
  readonly events: RequestEvent[];
  reference(rest: string): Reference;
}

export interface SetupOptions extends Partial<Omit<RegistryClientOptions, "registry" | "http">> {
  readonly http?: HttpClientOptions;
}

export async function setUp(
  t: TestContext,
  { http: settings, ...options }: SetupOptions = {},
): Promise<Setup> {
  const registry = await new FakeRegistry().start();
  const pauses: number[] = [];
  const events: RequestEvent[] = [];
  const http = new HttpClient({
    onRequest: (event) => events.push(event),
    ...settings,
    retry: {
      random: () => 1,
      sleep: async (milliseconds, signal) => {
        signal?.throwIfAborted();
        pauses.push(milliseconds);
      },
      ...settings?.retry,
    },
  });
  t.after(async () => {
    await http.close();
    await registry.stop();
  });
  const client = new RegistryClient({ registry: registry.host, http, ...options });
  return {
    registry,
    client,
    http,
    pauses,
    events,
    reference: (rest) => parseReference(`${registry.host}/${rest}`),
  };
}

/** Another server on loopback, which ends with the test. */
export async function otherServer<T extends FakeServer>(t: TestContext, server: T): Promise<T> {
  await server.start();
  t.after(() => server.stop());
  return server;
}

/** A source that counts how often it is opened, and hands out chunks whose memory it reuses. */
export class Source {
  opens = 0;
  closes = 0;
  readonly digest: Digest;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly #step: number;

  constructor(bytes: Uint8Array, step = 100_000) {
    this.bytes = bytes;
    this.digest = digestOf(bytes);
    this.size = bytes.length;
    this.#step = step;
  }

  get descriptor(): { digest: Digest; size: number } {
    return { digest: this.digest, size: this.size };
  }

  open = (): AsyncIterable<Uint8Array> => this.#read();

  async *#read(): AsyncGenerator<Uint8Array> {
    this.opens++;
    const memory = [new Uint8Array(this.#step), new Uint8Array(this.#step)];
    try {
      for (let at = 0, turn = 0; at < this.size; at += this.#step, turn ^= 1) {
        const part = this.bytes.subarray(at, at + this.#step);
        // What was handed out two chunks ago is gone now.
        memory[turn]!.fill(0xee).set(part);
        yield memory[turn]!.subarray(0, part.length);
      }
    } finally {
      this.closes++;
    }
  }
}

/** Bytes that look random and are the same every time. */
export function sampleBytes(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = 12345;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** All of a stream. */
export async function read(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

/** Checks that a promise fails with a VarveError of this code whose sentence has these words. */
export async function fails(promise: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof VarveError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}
