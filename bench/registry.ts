/** A registry for one benchmark: Debian's docker-registry on a free port of the loopback interface, empty at first. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PROGRAM = "/usr/bin/docker-registry";
/** How often to look whether it listens, and for how long. */
const LOOK_MS = 20;
const START_MS = 10_000;

/** A layer's or a config's blob, as a manifest names it. */
export interface Blob {
  digest: string;
  size: number;
}

/** What the benchmarks want to know of a manifest. */
export interface PushedManifest {
  config: Blob;
  layers: readonly Blob[];
}

/** A registry that runs until it is disposed of, which removes what it stored, too. */
export interface LocalRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  host: string;
  pid: number;
  manifest(repository: string, tag: string): Promise<PushedManifest>;
}

/** Starts a registry that keeps its blobs in a new folder below `work`. */
export async function startRegistry(work: string): Promise<LocalRegistry> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run "apt-get install docker-registry"`);
  const folder = mkdtempSync(join(work, "registry-"));
  const [settings, log] = [join(folder, "config.yml"), join(folder, "log")];
  // JSON is YAML, too.
  const configuration = {
    version: "0.1",
    log: { level: "info", formatter: "text" },
    storage: { filesystem: { rootdirectory: join(folder, "storage") }, delete: { enabled: true } },
    http: { addr: "127.0.0.1:0" },
  };
  writeFileSync(settings, JSON.stringify(configuration));
  const output = openSync(log, "w");
  const child = spawn(PROGRAM, ["serve", settings], {
    stdio: ["ignore", output, output],
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  closeSync(output);
  const close = async (): Promise<void> => {
    await ended(child);
    rmSync(folder, { recursive: true });
  };
  try {
    const host = await listening(child, log);
    return {
      host,
      pid: child.pid!,
      manifest: (repository, tag) => readManifest(host, repository, tag),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listening(child: ChildProcess, log: string): Promise<string> {
  for (let waited = 0; waited < START_MS && child.exitCode === null; waited += LOOK_MS) {
    const [, host] = /listening on (127\.0\.0\.1:\d+)/.exec(readFileSync(log, "utf8")) ?? [];
    if (host !== undefined) return host;
    await sleep(LOOK_MS);
  }
  throw new Error(`${PROGRAM} doesn't listen: ${readFileSync(log, "utf8").slice(-500)}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill();
  await exit;
}

async function readManifest(host: string, repository: string, tag: string): Promise<PushedManifest> {
  const types = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ];
  const url = `http://${host}/v2/${repository}/manifests/${tag}`;
  const response = await fetch(url, { headers: { accept: types.join(", ") } });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return (await response.json()) as PushedManifest;
}

/** The bytes of all layers' blobs. */
export const layerBytes = ({ layers }: PushedManifest): number =>
  layers.reduce((sum, { size }) => sum + size, 0);
