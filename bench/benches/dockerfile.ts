/** A service in TypeScript: `varve build --push` in its folder, beside a good Dockerfile in the real Docker Engine. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { countingProxy, within } from "../counting.ts";
import { type Engine, startEngine } from "../docker.ts";
import { serviceFixture } from "../fixtures/service.ts";
import { changeLine, type Rivals, rivals, type Side } from "../fixtures/service-sides.ts";
import { layerBytes, startRegistry } from "../registry.ts";
import { bytesRow, type Row, secondsRow, sizeRow, timeRow } from "../report.ts";
import { measure, measureTurns, type Pair, runBeside, type Setting } from "../run.ts";

/** What may go over the wire besides the changed files. */
const ROOM = 10_000;

export const dockerfile: Bench = {
  name: "dockerfile",
  what: "varve build --push of a service with 249 packages, against a multi-stage Dockerfile, BuildKit and docker push",
  async run(context) {
    const fixture = serviceFixture(context.work, context.say);
    const folder = mkdtempSync(join(context.work, "dockerfile-"));
    try {
      await using engine = await startEngine();
      const scene = { ...context, sides: await rivals({ ...context, fixture, folder, engine }), engine };
      context.say("service: building and pushing with nothing known");
      const cold = await coldRows(scene);
      context.say("service: building and pushing with a line changed");
      return [...cold, ...(await lineRows(scene)), ...(await countedRows(scene))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

type Scene = Parameters<Bench["run"]>[0] & { sides: Rivals; engine: Engine };

/** Nobody has built anything before, but npm has everything in its cache, and the base is there. */
async function coldRows({ sides, work, ...options }: Scene): Promise<Row[]> {
  const sizes = new Map<string, number>();
  const intoEmpty =
    (side: Side): Setting =>
    async () => {
      await using stack = new AsyncDisposableStack();
      const registry = stack.use(await startRegistry(work));
      const base = await sides.addBase(registry.host);
      side.forget();
      const started = stack.move();
      return {
        command: side.push({ host: registry.host, base }),
        sink: "none",
        servants: side.isDocker ? "unknown" : [registry.pid],
        async after() {
          const whole = layerBytes(await registry.manifest(side.name, "1"));
          sizes.set(side.name, whole - layerBytes(await registry.manifest("node", "1")));
        },
        [Symbol.asyncDispose]: () => started.disposeAsync(),
      };
    };
  const { ours, compiling } = sides;
  const [our, their] = await measureTurns([intoEmpty(ours), intoEmpty(compiling)], {
    ...options,
    once: true,
  });
  const size = { ours: sizes.get(ours.name)!, theirs: sizes.get(compiling.name)! };
  return [
    dockerRow("service: varve build, into an empty registry / docker build && push", {
      ours: our!,
      theirs: their!,
    }),
    sizeRow("service: layers above the base / of the Dockerfile", size, { atMost: 1 }),
  ];
}

/** With a registry that has the image as it was before. */
async function lineRows({ sides, work, ...options }: Scene): Promise<Row[]> {
  await using registry = await startRegistry(work);
  const to = { host: registry.host, base: await sides.addBase(registry.host) };
  const { ours, ourCompiling, compiled, compiling } = sides;
  for (const side of [ours, compiled, compiling]) measure(side.push(to), { sink: "none" });
  const changed =
    (side: Side, file: "src/server.ts" | "dist/server.js"): Setting =>
    async () => {
      changeLine(side, file);
      const servants = side.isDocker ? ("unknown" as const) : [registry.pid];
      return { command: side.push(to), sink: "none", servants };
    };
  const [our, their, ourTsc, theirTsc] = await measureTurns(
    [
      changed(ours, "dist/server.js"),
      changed(compiled, "dist/server.js"),
      changed(ourCompiling, "src/server.ts"),
      changed(compiling, "src/server.ts"),
    ],
    options,
  );
  const name = "service, one line changed";
  return [
    dockerRow(
      `${name}: varve build / docker build && push, compiled before`,
      { ours: our!, theirs: their! },
      8,
    ),
    secondsRow(
      `${name}: varve build`,
      our!.map(({ wall }) => wall),
      0.6,
    ),
    dockerRow(`${name}: varve build / docker build && push, which compiles`, {
      ours: our!,
      theirs: theirTsc!,
    }),
    dockerRow(`${name}: tsc && varve build / docker build && push, which compiles`, {
      ours: ourTsc!,
      theirs: theirTsc!,
    }),
  ];
}

/** What goes over the wire, to a registry and to an engine that had the image as it was before. */
async function countedRows({ sides, work }: Scene): Promise<Row[]> {
  await using registry = await startRegistry(work);
  await using proxy = await countingProxy(registry.host);
  await using puller = await startEngine();
  const to = { host: proxy.host, base: await sides.addBase(proxy.host) };
  const both = [sides.ours, sides.compiled] as const;
  const push = (side: Side) =>
    within(
      () => proxy.sent(),
      () => runBeside(side.push(to)),
    );
  const pull = (side: Side) =>
    within(
      () => proxy.received(),
      () => runBeside(puller.command("pull", "--quiet", `${proxy.host}/${side.name}:1`)),
    );
  for (const side of both) {
    await push(side);
    await pull(side);
    checkRuns(puller, `${proxy.host}/${side.name}:1`);
    changeLine(side, "dist/server.js");
  }
  const ofBoth = async (count: (side: Side) => Promise<number>) =>
    [await count(sides.ours), await count(sides.compiled)] as const;
  const [ourSent, theirSent] = await ofBoth(push);
  const [ourPulled, theirPulled] = await ofBoth(pull);
  const changed = statSync(join(sides.ours.project, "dist/server.js")).size;
  for (const side of both) side.changeDependency();
  const [ourNew, theirNew] = await ofBoth(push);
  const most = changed + ROOM;
  return [
    bytesRow("service, one line changed: sent to the registry", { ours: ourSent, theirs: theirSent }, most),
    bytesRow(
      "service, one line changed: pulled by the Docker Engine",
      { ours: ourPulled, theirs: theirPulled },
      most,
    ),
    sizeRow(
      "service, one dependency changed: sent / by the Dockerfile's",
      { ours: ourNew, theirs: theirNew },
      { atMost: 0.1 },
    ),
  ];
}

/** A row that has no processor time, since most of it would be the engine's. */
function dockerRow(what: string, pair: Pair, faster?: number): Row {
  const { cpu: _, ...row } = timeRow(what, pair, { faster });
  return row;
}

/** A wrong image has no size. */
function checkRuns(engine: Engine, image: string): void {
  const ask = 'import("/app/dist/app.js").then(async ({ makeApp }) => (await makeApp()).inject("/healthz"))';
  const program = `${ask}.then(({ statusCode }) => { console.log("status", statusCode); process.exit(); })`;
  const told = engine.docker("run", "--rm", "--network", "none", image, "node", "-e", program);
  if (!told.includes("status 200")) throw new Error(`${image} doesn't run: ${told.slice(-1000)}`);
}
