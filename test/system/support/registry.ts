import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { type Service, startService } from "./service.ts";

export interface RegistryOptions {
  /** An htpasswd file with bcrypt hashes; anybody may read and write when left out. */
  readonly htpasswd?: string;
  /** PEM files; plain HTTP when left out. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** The port; any that is free when left out. */
  readonly port?: number;
  /** Makes the server's command one that runs where it is to run. */
  readonly inside?: (command: readonly string[]) => readonly [string, ...string[]];
  /** Who signs the tokens without which nobody gets in. */
  readonly tokens?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
}

/** A real registry on a port of the loopback interface, its blobs in a temporary folder. */
export interface Registry {
  /** `127.0.0.1:PORT`, as in an image's name. It stays the same when the registry is started again. */
  readonly host: string;
  /** Where it keeps what was pushed. */
  readonly storage: string;
  log(): string;
  /** Ends it without a warning, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and storage. */
  restart(): Promise<void>;
  /** Has it free what nothing names any more, while it doesn't run. */
  collectGarbage(): Promise<void>;
}

/** Starts Debian's docker-registry, which is gone with the scope. */
export async function startRegistry(outer: Scope, options: RegistryOptions = {}): Promise<Registry> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const storage = join(folder, "storage");
  await mkdir(storage);
  let service: Service | undefined;
  const { port = 0, inside = (command) => command as [string, ...string[]] } = options;
  let address = `127.0.0.1:${port}`;

  const start = async () => {
    const settings = join(folder, "config.yml");
    // JSON is YAML, too.
    await writeFile(settings, JSON.stringify(configuration({ storage, address, options })));
    service = await startService({
      command: inside(["docker-registry", "serve", settings]),
      env: { OTEL_TRACES_EXPORTER: "none" },
      logFile: join(folder, "registry.log"),
      ready: (log) => listening.test(log),
    });
    address = listening.exec(service.log())?.[1] ?? address;
  };
  await start();
  scope.after(() => service?.stop());

  return {
    host: address,
    storage,
    log: () => service?.log() ?? "",
    kill: async () => service?.stop("SIGKILL"),
    restart: start,
    async collectGarbage() {
      await service?.stop();
      await mustRun(["docker-registry", "garbage-collect", join(folder, "config.yml")]);
      await start();
    },
  };
}

const listening = /listening on (127\.0\.0\.1:\d+)/;

interface Setup {
  readonly storage: string;
  readonly address: string;
  readonly options: RegistryOptions;
}

function configuration({ storage, address, options }: Setup): unknown {
  const { htpasswd, tls, tokens } = options;
  const auth = {
    ...(htpasswd === undefined ? {} : { htpasswd: { realm: "varve", path: htpasswd } }),
    ...(tokens === undefined ? {} : { token: tokenSettings(tokens) }),
  };
  return {
    version: "0.1",
    log: { level: "info", formatter: "text" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: {
      addr: address,
      ...(tls === undefined ? {} : { tls: { certificate: tls.certificate, key: tls.key } }),
    },
    ...(Object.keys(auth).length === 0 ? {} : { auth }),
  };
}

function tokenSettings({ certificate, ...settings }: NonNullable<RegistryOptions["tokens"]>): unknown {
  return { ...settings, rootcertbundle: certificate };
}
