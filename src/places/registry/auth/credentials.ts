import { join } from "node:path";
import { VarveError } from "#errors";
import type { Environment } from "../http/dispatcher.ts";
import { AuthFile, keyOf } from "./auth-file.ts";
import { CredentialHelper, type Credentials } from "./credential-helper.ts";

/** Where credentials are found and kept. */
export interface CredentialStore {
  /**
   * The credentials for a repository of a registry; undefined when there are none.
   * @throws VarveError `CREDENTIALS`, and what reading a file throws.
   */
  get(registry: string, repository?: string): Promise<Credentials | undefined>;
  /** Keeps credentials for a registry, and says where: a file's path or a helper's name. */
  login(registry: string, credentials: Credentials): Promise<string>;
  /** Forgets a registry's credentials wherever `get` would find them; false when there were none. */
  logout(registry: string): Promise<boolean>;
}

/** Where to look. */
export interface CredentialStoreOptions {
  /** The environment, for the places of files and to run helpers in. */
  readonly env: Environment;
  /** The user's home folder. */
  readonly home: string;
}

/**
 * The credentials that Docker and podman keep. If `REGISTRY_AUTH_FILE` is set, that file alone counts. Otherwise the first that
 * has some for the registry, of: Docker's `config.json` in `DOCKER_CONFIG` or `~/.docker`; podman's `containers/auth.json` in
 * `XDG_RUNTIME_DIR`, then in `XDG_CONFIG_HOME` or `~/.config`. A login goes to the first of these places.
 * Within a file, a registry's credential helper is asked before the file's own entries, of which the longest
 * `registry/path` that fits counts.
 */
export function credentialStore({ env, home }: CredentialStoreOptions): CredentialStore {
  const paths = authFiles(env, home);

  async function get(registry: string, repository?: string): Promise<Credentials | undefined> {
    for (const path of paths) {
      const file = await AuthFile.read(path);
      const helper = file.helperFor(registry);
      const kept =
        helper === undefined ? undefined : await new CredentialHelper(helper, env).get(keyOf(registry));
      const found = kept ?? file.find(registry, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async function login(registry: string, credentials: Credentials): Promise<string> {
    if (
      credentials.kind === "password" &&
      (credentials.username === "" || credentials.username.includes(":"))
    ) {
      throw new VarveError("CREDENTIALS", `a user name for ${registry} must not be empty or have a colon`);
    }
    const file = await AuthFile.read(paths[0]!);
    const helper = file.helperFor(registry);
    if (helper === undefined) {
      file.set(registry, credentials);
      await file.write();
      return file.path;
    }
    const program = new CredentialHelper(helper, env);
    await program.store(keyOf(registry), credentials);
    file.set(registry, undefined);
    await file.write();
    return program.program;
  }

  async function logout(registry: string): Promise<boolean> {
    let found = false;
    for (const path of paths) {
      const file = await AuthFile.read(path);
      const helper = file.helperFor(registry);
      if (helper !== undefined) {
        const program = new CredentialHelper(helper, env);
        if ((await program.get(keyOf(registry))) !== undefined) {
          await program.erase(keyOf(registry));
          found = true;
        }
      }
      if (file.has(registry)) {
        found = true;
        file.remove(registry);
        await file.write();
      }
    }
    return found;
  }

  return { get, login, logout };
}

function authFiles(env: Environment, home: string): readonly string[] {
  const only = env["REGISTRY_AUTH_FILE"];
  if (only) return [only];
  const runtime = env["XDG_RUNTIME_DIR"];
  return [
    join(env["DOCKER_CONFIG"] || join(home, ".docker"), "config.json"),
    ...(runtime ? [join(runtime, "containers", "auth.json")] : []),
    join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers", "auth.json"),
  ];
}
