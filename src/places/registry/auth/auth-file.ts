import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errnoOf, readError, VarveError, writeError } from "#errors";
import { parseJson } from "#util";
import { type Credentials, credentialsOf } from "./credential-helper.ts";

const MAX_BYTES = 4 * 1024 * 1024;

/** Docker's own key for Docker Hub, from the days of its first API. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
const DOCKER_HUB_HOSTS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

type JsonObject = Record<string, unknown>;

/** The content of one of Docker's or podman's credential files; what varve doesn't know in it is kept. */
export class AuthFile {
  readonly path: string;
  readonly #content: JsonObject;

  private constructor(path: string, content: JsonObject) {
    this.path = path;
    this.#content = content;
  }

  /**
   * Reads a file; one that doesn't exist counts as empty.
   * @throws VarveError `UNREADABLE`, `INVALID_JSON`, `TOO_LARGE`, `CREDENTIALS`.
   */
  static async read(path: string): Promise<AuthFile> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT" || errno === "ENOTDIR") return new AuthFile(path, {});
      throw readError(path, error);
    }
    if (bytes.length === 0) return new AuthFile(path, {});
    const content = parseJson(bytes, { what: path, maxBytes: MAX_BYTES });
    if (!isObject(content)) throw new VarveError("CREDENTIALS", `${path} is not a JSON object`);
    return new AuthFile(path, content);
  }

  /** The helper that keeps a registry's credentials; undefined when the file itself does. */
  helperFor(registry: string): string | undefined {
    const helpers = this.#object("credHelpers");
    for (const [key, helper] of Object.entries(helpers)) {
      if (hostOfKey(key) === hostOfKey(registry) && typeof helper === "string" && helper !== "")
        return helper;
    }
    const store = this.#content["credsStore"];
    return typeof store === "string" && store !== "" ? store : undefined;
  }

  /**
   * The credentials in the file whose key is the longest prefix of `registry/repository`, part by part, as podman looks them up.
   * @throws VarveError `CREDENTIALS` for an entry that can't be read.
   */
  find(registry: string, repository?: string): Credentials | undefined {
    const wanted = repository === undefined ? hostOfKey(registry) : `${hostOfKey(registry)}/${repository}`;
    let best: { length: number; credentials: Credentials } | undefined;
    for (const [key, entry] of Object.entries(this.#object("auths"))) {
      const name = nameOfKey(key);
      if (wanted !== name && !wanted.startsWith(`${name}/`)) continue;
      if (best !== undefined && name.length <= best.length) continue;
      const credentials = this.#entry(key, entry);
      if (credentials !== undefined) best = { length: name.length, credentials };
    }
    return best?.credentials;
  }

  #entry(key: string, entry: unknown): Credentials | undefined {
    if (!isObject(entry)) return undefined;
    const { auth, identitytoken, registrytoken, username, password } = entry;
    if (typeof identitytoken === "string" && identitytoken !== "")
      return { kind: "identity-token", token: identitytoken };
    if (typeof registrytoken === "string" && registrytoken !== "")
      return { kind: "registry-token", token: registrytoken };
    if (typeof auth === "string" && auth !== "") {
      const text = Buffer.from(auth, "base64").toString();
      const colon = text.indexOf(":");
      if (colon < 1) {
        throw new VarveError(
          "CREDENTIALS",
          `${this.path} has an "auth" for ${key} that is not base64 of user:password; log in again`,
        );
      }
      return credentialsOf(text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, ""));
    }
    if (typeof username === "string" && username !== "" && typeof password === "string") {
      return credentialsOf(username, password);
    }
    return undefined;
  }

  /** Whether the file has an entry for exactly this registry, even an empty one. */
  has(registry: string): boolean {
    return this.#keysOf(registry).length > 0;
  }

  /** Puts a registry's credentials in; undefined leaves the empty entry that says a helper has them. */
  set(registry: string, credentials: Credentials | undefined): void {
    this.remove(registry);
    const auths = this.#object("auths");
    this.#content["auths"] = { ...auths, [keyOf(registry)]: entryOf(credentials) };
  }

  /** Takes out every entry for exactly this registry. */
  remove(registry: string): void {
    const gone = new Set(this.#keysOf(registry));
    if (gone.size === 0) return;
    const left = Object.entries(this.#object("auths")).filter(([key]) => !gone.has(key));
    this.#content["auths"] = Object.fromEntries(left);
  }

  /**
   * Writes the file aside, readable for its owner only, and renames it; a symbolic link keeps pointing at it.
   * @throws VarveError `UNWRITABLE`.
   */
  async write(): Promise<void> {
    const target = await realpath(this.path).catch(() => resolve(this.path));
    const aside = `${target}.${process.pid}.${process.hrtime.bigint()}`;
    try {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await writeFile(aside, `${JSON.stringify(this.#content, null, "\t")}\n`, { mode: 0o600, flag: "wx" });
      await rename(aside, target);
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {});
      throw writeError(this.path, error);
    }
  }

  #keysOf(registry: string): string[] {
    return Object.keys(this.#object("auths")).filter((key) => nameOfKey(key) === hostOfKey(registry));
  }

  #object(name: string): JsonObject {
    const value = this.#content[name];
    return isObject(value) ? value : {};
  }
}

/** The key under which Docker keeps a registry's credentials, in files and helpers. */
export function keyOf(registry: string): string {
  return DOCKER_HUB_HOSTS.has(registry) ? DOCKER_HUB_KEY : registry;
}

/** A key as `host` or `host/path`: without a scheme, and without the `/v1/` or `/v2/` of an API's URL. */
function nameOfKey(key: string): string {
  const [, scheme, name = ""] = /^(https?:\/\/)?(.*?)\/*$/s.exec(key) ?? [];
  const slash = name.indexOf("/");
  const host = (slash < 0 ? name : name.slice(0, slash)).toLowerCase();
  let path = slash < 0 ? "" : name.slice(slash);
  if (scheme !== undefined || /^\/v[12]$/.test(path)) path = "";
  return (DOCKER_HUB_HOSTS.has(host) ? "docker.io" : host) + path;
}

function hostOfKey(key: string): string {
  return nameOfKey(key).split("/")[0]!;
}

function entryOf(credentials: Credentials | undefined): JsonObject {
  if (credentials === undefined) return {};
  if (credentials.kind === "identity-token") return { identitytoken: credentials.token };
  if (credentials.kind === "registry-token") return { registrytoken: credentials.token };
  return { auth: Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64") };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
