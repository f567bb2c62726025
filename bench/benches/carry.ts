/** An image that is there, carried to a registry and into an engine, beside what others make of the same. */
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "../../test/peers/support/peers.ts";
import type { Bench, Context } from "../bench.ts";
import { type Engine, startEngine } from "../docker.ts";
import { nodeBase } from "../fixtures/node-base.ts";
import { serviceFixture } from "../fixtures/service.ts";
import { startRegistry } from "../registry.ts";
import { type Row, timeRow } from "../report.ts";
import { type Command, measure, measureTurns, type Sample, type Setting } from "../run.ts";

/** The image in a layout and in an archive, as it was and with a line changed. */
interface Images {
  layout: string;
  archive: string;
  changedLayout: string;
  changedArchive: string;
}

export const carry: Bench = {
  name: "carry",
  what: "a service's image from a layout into a registry, against crane push, oras cp and skopeo copy, and into an engine, against docker load; and a layer on a base, against crane append",
  async run(context) {
    const folder = mkdtempSync(join(context.work, "carry-"));
    try {
      const images = makeImages(context, folder);
      context.say("pushing a layout");
      const pushed = [...(await pushRows(context, images)), await appendRow(context, folder)];
      context.say("loading it");
      await using engine = await startEngine();
      return [...pushed, ...(await loadRows(context, images, engine))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function makeImages({ varve, work, say }: Context, folder: string): Images {
  const project = join(folder, "project");
  cpSync(serviceFixture(work, say).project, project, { recursive: true, preserveTimestamps: true });
  const make = (name: string) => {
    const [layout, archive] = [join(folder, name), join(folder, `${name}.tar`)];
    const build = [...varve, "build", project, "--quiet", "--name", "app", "--tag", "1"];
    const cache = ["--cache-dir", join(folder, "cache")];
    const to = ["--output", `oci:${layout}:1`, "--output", `docker-archive:${archive}`];
    measure(["env", "VARVE_BASE=scratch", ...build, ...cache, ...to], { sink: "none" });
    return { layout, archive };
  };
  const { layout, archive } = make("one");
  appendFileSync(join(project, "dist/server.js"), 'app.log.info("changed");\n');
  const changed = make("two");
  return { layout, archive, changedLayout: changed.layout, changedArchive: changed.archive };
}

/** Each into a registry that has nothing. */
async function pushRows({ varve, work, ...options }: Context, { layout }: Images): Promise<Row[]> {
  const into =
    (command: (place: string) => Command): Setting =>
    async () => {
      const registry = await startRegistry(work);
      return {
        command: command(`${registry.host}/app:1`),
        sink: "none",
        servants: [registry.pid],
        after: async () => void (await registry.manifest("app", "1")),
        [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
      };
    };
  const skopeo = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"] as const;
  const [ours, crane, oras, skopeoRuns] = await measureTurns(
    [
      into((place) => [...varve, "copy", "--quiet", "--no-cache", `oci:${layout}:1`, `docker://${place}`]),
      into((place) => [peer("crane"), "push", "--insecure", layout, place]),
      into((place) => [peer("oras"), "cp", "--from-oci-layout", "--to-plain-http", `${layout}:1`, place]),
      into((place) => [...skopeo, `oci:${layout}:1`, `docker://${place}`]),
    ],
    options,
  );
  const what = "service's image into an empty registry: varve copy";
  return [
    timeRow(`${what} / crane push`, { ours: ours!, theirs: crane! }, { faster: undefined }),
    timeRow(`${what} / oras cp`, { ours: ours!, theirs: oras! }, { faster: undefined }),
    timeRow(`${what} / skopeo copy`, { ours: ours!, theirs: skopeoRuns! }, { faster: undefined }),
  ];
}

/** A folder of packages becomes a layer on a base that the registry has. */
async function appendRow({ varve, work, say, ...options }: Context, folder: string): Promise<Row> {
  const modules = join(serviceFixture(work, say).project, "node_modules");
  const [layout, spec, tar] = ["base", "append.json", "layer.tar"].map((name) => join(folder, name));
  measure([...varve, "build", await nodeBase(work), "--output", `oci:${layout}:1`], { sink: "none" });
  const onBase =
    (command: (host: string) => Command): Setting =>
    async () => {
      const registry = await startRegistry(work);
      const { host } = registry;
      measure([...varve, "copy", "--quiet", `oci:${layout}:1`, `docker://${host}/node:1`], { sink: "none" });
      return {
        command: command(host),
        sink: "none",
        servants: [registry.pid],
        after: async () => void (await registry.manifest("app", "1")),
        [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
      };
    };
  const append = 'tar -C "$1" -cf "$2" . && "$3" append --insecure -b "$4/node:1" -f "$2" -t "$4/app:1"';
  const [ours, theirs] = await measureTurns(
    [
      onBase((host) => {
        const files = [{ from: modules, to: "/app/node_modules" }];
        writeFileSync(spec!, JSON.stringify({ name: "app", fromImage: `docker://${host}/node:1`, files }));
        return [...varve, "build", spec!, "--no-cache", "--no-check", "--push", `${host}/app:1`];
      }),
      onBase((host) => ["sh", "-c", append, "sh", modules, tar!, peer("crane"), host]),
    ],
    options,
  );
  const what = "service's packages on a base: varve build / tar && crane append";
  return timeRow(what, { ours: ours!, theirs: theirs! }, { faster: undefined });
}

/** Into an engine that has nothing of it, and into one that has it as it was. */
async function loadRows({ varve, ...options }: Context, images: Images, engine: Engine): Promise<Row[]> {
  const { layout, archive, changedLayout, changedArchive } = images;
  const load =
    (command: Command, before?: string): Setting =>
    async () => {
      engine.docker("image", "prune", "--all", "--force");
      if (before !== undefined) engine.docker("load", "--quiet", "--input", before);
      // Who does the work is the engine, so there is no processor time to compare.
      return { command, sink: "none", servants: "unknown" };
    };
  const ours = (from: string): Command => [
    "env",
    ...[`DOCKER_HOST=${engine.host}`, ...varve, "load", "--quiet", `oci:${from}:1`],
  ];
  const theirs = (from: string): Command => engine.command("load", "--quiet", "--input", from);
  const [cold, coldTheirs, again, againTheirs] = await measureTurns(
    [
      load(ours(layout)),
      load(theirs(archive)),
      load(ours(changedLayout), archive),
      load(theirs(changedArchive), archive),
    ],
    options,
  );
  const row = (what: string, ours: Sample[], theirs: Sample[]): Row => {
    const { cpu: _, ...others } = timeRow(what, { ours, theirs }, { faster: undefined });
    return others;
  };
  return [
    row("service's image into an empty engine: varve load / docker load", cold!, coldTheirs!),
    row("the same with a line changed, into one that has it as it was", again!, againTheirs!),
  ];
}
