import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { count, sumOfReads } from "../../bench/counting.ts";

test("sumOfReads adds up the reads below a folder, those told of in two lines among them", async () => {
  const lines = [
    '7 read(20</store/a/file>, ""..., 65536) = 65536',
    '7 read(20</store/a/file>, "", 65536) = 0',
    '7 read(21</storehouse/file>, ""..., 65536) = 1000',
    "8 pread64(20</store/b/file>,  <unfinished ...>",
    '7 read(3</etc/passwd>, ""..., 4096) = 300',
    '8 <... pread64 resumed>""..., 100, 0) = 100',
    "9 read(4<pipe:[12]>,  <unfinished ...>",
    '9 <... read resumed>""..., 8) = 8',
    "7 read(20</store/a>, 0x7f, 65536) = -1 EISDIR (Is a directory)",
    "7 +++ exited with 0 +++",
  ];
  assert.equal(await sumOfReads(lines, "/store"), 65536 + 100);
});

const withStrace = { skip: existsSync("/usr/bin/strace") ? false : "strace is not installed" };

test(
  "count tells what a command reads of a folder, and what it sends to a registry",
  withStrace,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "varve-bench-test-"));
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      let size = 0;
      for await (const chunk of request) size += chunk.length;
      bodies.push(`${request.method} ${request.url} ${request.headers.host} ${size}`);
      response.end();
    });
    server.listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      mkdirSync(join(folder, "store"));
      for (const name of ["store/in", "out"]) writeFileSync(join(folder, name), Buffer.alloc(100_000, 1));
      const send = `
      const read = (name) => require("node:fs").readFileSync(process.argv[2] + name);
      read("/out"); read("/store/in");
      fetch("http://" + process.argv[1] + "/a", { method: "PUT", body: read("/store/in") })
        .then(() => fetch("http://" + process.argv[1] + "/b"));`;
      let host = "";
      const counts = await count({
        host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
        folder: join(folder, "store"),
        command(proxy) {
          host = proxy;
          return [process.execPath, "-e", send, proxy, folder];
        },
      });
      assert.deepEqual(bodies, [`PUT /a ${host} 100000`, `GET /b ${host} 0`]);
      assert.equal(counts.requests, 2);
      assert.equal(counts.read, 200_000);
      assert.ok(counts.sent > 100_000 && counts.sent < 102_000, `${counts.sent} bytes`);
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  },
);
