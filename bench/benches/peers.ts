/** Moving images beside the programs that others use for that: `scripts/peers` installs crane and oras. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "../../test/peers/support/peers.ts";
import type { Bench, Context } from "../bench.ts";
import { debianStore } from "../fixtures/debian.ts";
import { storeImage } from "../fixtures/image.ts";
import { nodeBase } from "../fixtures/node-base.ts";
import { serviceFixture } from "../fixtures/service.ts";
import { type LocalRegistry, startRegistry } from "../registry.ts";
import { type Row, timeRow } from "../report.ts";
import { type Command, measureTurns, type Sample, type Setting } from "../run.ts";

export const peers: Bench = {
  name: "peers",
  what: "varve copy and build beside crane, oras and skopeo, which do the same to a registry",
  async run(context) {
    const folder = mkdtempSync(join(context.work, "peers-"));
    try {
      return [...(await copyRows(context, folder)), ...(await appendRows(context, folder))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** An image whose blobs are all there goes from a layout to an empty registry. */
async function copyRows(context: Context, folder: string): Promise<Row[]> {
  const { work, varve, say } = context;
  const layout = join(folder, "store");
  const image = storeImage(join(work, "image-store"), await debianStore(work, say), varve);
  execute([...varve, "build", image.spec, "--compression", "zstd", "--output", `oci:${layout}:1`]);
  const skopeo = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"] as const;
  const ways: Record<string, (reference: string) => Command> = {
    varve: (to) => [...varve, "copy", `oci:${layout}:1`, `docker://${to}`],
    "crane push": (to) => [peer("crane"), "push", "--insecure", layout, to],
    "oras cp": (to) => [peer("oras"), "cp", "--from-oci-layout", "--to-plain-http", `${layout}:1`, to],
    "skopeo copy": (to) => [...skopeo, `oci:${layout}:1`, `docker://${to}`],
  };
  say("store: copying a layout to a registry");
  const sides = Object.values(ways).map((way) =>
    intoRegistry(work, async ({ host }) => way(`${host}/bench:1`)),
  );
  return rows(context, "store: varve copy of a layout to an empty registry", Object.keys(ways), sides);
}

/** A folder becomes a layer on a base that the registry has. */
async function appendRows(context: Context, folder: string): Promise<Row[]> {
  const { work, varve, say } = context;
  const { project } = serviceFixture(work, say);
  const base = `oci:${join(folder, "base")}:1`;
  execute([...varve, "build", await nodeBase(work), "--no-check", "--output", base]);
  const spec = join(folder, "append.json");
  const tar = join(folder, "layer.tar");
  const ways: Record<string, (host: string) => Command> = {
    varve: (host) => {
      const files = [{ from: join(project, "node_modules"), to: "/app/node_modules" }];
      const fromImage = `docker://${host}/node:1`;
      writeFileSync(spec, JSON.stringify({ name: "append", fromImage, files }));
      return [...varve, "build", spec, "--no-cache", "--no-check", "--push", `${host}/append:1`];
    },
    "tar && crane append": (host) => {
      const append = 'tar -C "$1" -cf "$2" . && "$3" append --insecure -b "$4" -f "$2" -t "$5"';
      const names = [join(project, "node_modules"), tar, peer("crane"), `${host}/node:1`, `${host}/append:1`];
      return ["sh", "-c", append, "sh", ...names];
    },
  };
  say("service: its packages on a base");
  const sides = Object.values(ways).map((way) =>
    intoRegistry(work, async ({ host }) => {
      execute([...varve, "copy", base, `docker://${host}/node:1`]);
      return way(host);
    }),
  );
  return rows(context, "service: varve build of 250 packages on a base", Object.keys(ways), sides);
}

/** A side that has a registry of its own in each run. */
function intoRegistry(work: string, ready: (registry: LocalRegistry) => Promise<Command>): Setting {
  return async () => {
    const registry = await startRegistry(work);
    return {
      command: await ready(registry),
      sink: "none",
      servants: [registry.pid],
      [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
    };
  };
}

/** varve, which is the first, beside each of the others. */
async function rows(
  context: Context,
  what: string,
  names: readonly string[],
  sides: readonly Setting[],
): Promise<Row[]> {
  const [ours, ...others] = await measureTurns(sides, context);
  return others.map((theirs: Sample[], at) =>
    timeRow(`${what} / ${names[at + 1]}`, { ours: ours!, theirs }, { faster: undefined }),
  );
}

function execute([file, ...args]: Command): void {
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 28 });
}
