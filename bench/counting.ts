/** Counts what a command does beside its time: what it sends to a registry, and what it reads of a folder. */
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Command, runBeside } from "./run.ts";

/** What a command did. */
export interface Counts {
  /** Requests to the registry. */
  requests: number;
  /** Bytes sent to the registry, with the requests' heads. */
  sent: number;
  /** Bytes read from files below the folder. */
  read: number;
}

export interface CountOptions {
  /** The registry's `127.0.0.1:PORT`. */
  host: string;
  /** The folder whose files' bytes are counted. */
  folder: string;
  /** The command for a registry at `host`, behind which is the real one. */
  command(host: string): Command;
}

/** Runs a command once, slowed down by the counting. Throws when it fails. */
export async function count({ host, folder, command }: CountOptions): Promise<Counts> {
  await using proxy = await countingProxy(host);
  const read = await bytesRead(command(proxy.host), folder);
  return { requests: proxy.requests(), sent: proxy.sent(), read };
}

/** A server that passes requests on to a registry until it is disposed of. */
export interface CountingProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  host: string;
  requests(): number;
  /** Bytes that came from clients, with the requests' heads. */
  sent(): number;
  /** Bytes that went to clients, with the answers' heads. */
  received(): number;
}

/** An HTTP server that passes everything on to `host` as it comes, and counts it. */
export async function countingProxy(host: string): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    requests++;
    const { method, url, headers } = incoming;
    // With the same Host header, so that the registry's answers lead back here.
    const onward = request(`http://${host}${url}`, { method, headers, setHost: false }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    sent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesRead, 0),
    received: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** How much a count grows while something is done. */
export async function within(counted: () => number, act: () => Promise<void>): Promise<number> {
  const before = counted();
  await act();
  return counted() - before;
}

/** Every system call that copies a file's bytes into a process' memory or elsewhere. */
const READING = "read,readv,pread64,preadv,preadv2,sendfile,splice,copy_file_range";

async function bytesRead(command: Command, folder: string): Promise<number> {
  if (!existsSync("/usr/bin/strace")) throw new Error('strace is missing: run "apt-get install strace"');
  const temporary = mkdtempSync(join(tmpdir(), "varve-bench-"));
  try {
    const trace = join(temporary, "trace");
    const options = ["-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-e", `trace=${READING}`, "-o", trace];
    await runBeside(command, ["/usr/bin/strace", ...options]);
    return await sumOfReads(createInterface({ input: createReadStream(trace) }), folder);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/**
 * Adds up what strace says was read of files below `folder`. A call that another thread's came into is told of in two
 * lines: `PID read(FD<PATH>, <unfinished ...>` and `PID <... read resumed>...) = BYTES`.
 */
export async function sumOfReads(
  lines: Iterable<string> | AsyncIterable<string>,
  folder: string,
): Promise<number> {
  const waiting = new Map<string, string>();
  let sum = 0;
  for await (const line of lines) {
    const [, thread, call] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    const path = call.startsWith("<... ") ? waiting.get(thread) : /^\w+\(\d+<([^>]*)>/.exec(call)?.[1];
    if (call.endsWith("<unfinished ...>")) {
      if (path !== undefined) waiting.set(thread, path);
      continue;
    }
    if (call.startsWith("<... ")) waiting.delete(thread);
    const bytes = Number(/ = (\d+)$/.exec(call)?.[1] ?? 0);
    if (path?.startsWith(`${folder}/`)) sum += bytes;
  }
  return sum;
}
