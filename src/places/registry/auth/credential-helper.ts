import { spawn } from "node:child_process";
import { VarveError } from "#errors";
import { oneLine, parseJson } from "#util";
import type { Environment } from "../http/dispatcher.ts";

/** What proves who a user is. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** A refresh token, which a token server takes in place of a password. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: "registry-token"; readonly token: string };

/** The user name by which Docker's files and helpers say that the secret is an identity token. */
const TOKEN_USER = "<token>";
const MAX_OUTPUT = 1024 * 1024;
/** Helpers may ask the user to unlock a key chain. */
const TIMEOUT = 120_000;

/** A user name and its secret, as Docker's files and helpers keep them. */
export function credentialsOf(username: string, secret: string): Credentials {
  return username === TOKEN_USER
    ? { kind: "identity-token", token: secret }
    : { kind: "password", username, password: secret };
}

/** A program `docker-credential-NAME` that keeps credentials, and the protocol that it speaks. */
export class CredentialHelper {
  readonly program: string;
  readonly #env: Environment;

  /** @throws VarveError `CREDENTIALS` for a name that could be a path. */
  constructor(name: string, env: Environment) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$/.test(name)) {
      throw new VarveError(
        "CREDENTIALS",
        `${JSON.stringify(oneLine(name, 100))} is not the name of a credential helper`,
      );
    }
    this.program = `docker-credential-${name}`;
    this.#env = env;
  }

  /** The credentials kept for a server; undefined when there are none. */
  async get(server: string): Promise<Credentials | undefined> {
    const { ok, output } = await this.#run("get", server);
    if (!ok) {
      if (isNotFound(output)) return undefined;
      throw this.#failure("get", server, output);
    }
    const value = parseJson(Buffer.from(output), {
      what: `the answer of ${this.program}`,
      maxBytes: MAX_OUTPUT,
    });
    const { Username: username, Secret: secret } = (value ?? {}) as Record<string, unknown>;
    if (typeof username !== "string" || typeof secret !== "string") {
      throw new VarveError(
        "CREDENTIALS",
        `${this.program} answered without a Username and a Secret for ${server}`,
      );
    }
    return secret === "" ? undefined : credentialsOf(username, secret);
  }

  /** Keeps credentials for a server. */
  async store(server: string, credentials: Credentials): Promise<void> {
    if (credentials.kind === "registry-token") {
      throw new VarveError(
        "CREDENTIALS",
        `${this.program} can't keep a registry token for ${server}; log in with a password`,
      );
    }
    const [username, secret] =
      credentials.kind === "password"
        ? [credentials.username, credentials.password]
        : [TOKEN_USER, credentials.token];
    const { ok, output } = await this.#run(
      "store",
      JSON.stringify({ ServerURL: server, Username: username, Secret: secret }),
    );
    if (!ok) throw this.#failure("store", server, output);
  }

  /** Forgets the credentials kept for a server, if there are any. */
  async erase(server: string): Promise<void> {
    const { ok, output } = await this.#run("erase", server);
    if (!ok && !isNotFound(output)) throw this.#failure("erase", server, output);
  }

  #failure(action: string, server: string, output: string): VarveError {
    const said = output.trim() === "" ? "it failed without a word" : oneLine(output, 200);
    return new VarveError("CREDENTIALS", `${this.program} ${action} failed for ${server}: ${said}`);
  }

  #run(action: string, input: string): Promise<{ ok: boolean; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.program, [action], {
        env: { ...this.#env },
        stdio: ["pipe", "pipe", "ignore"],
        timeout: TIMEOUT,
        killSignal: "SIGKILL",
      });
      const parts: Buffer[] = [];
      let size = 0;
      child.on("error", (cause: NodeJS.ErrnoException) => {
        const reason = cause.code === "ENOENT" ? "it is not installed" : (cause.code ?? cause.message);
        reject(
          new VarveError(
            "CREDENTIALS",
            `cannot run the credential helper ${this.program}: ${reason}; install it, or take it out of the configuration file that names it`,
            { cause },
          ),
        );
      });
      child.stdout.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT) child.kill("SIGKILL");
        else parts.push(chunk);
      });
      // If a helper ends without reading its input, its exit status or output says why.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
      child.on("close", (status) => resolve({ ok: status === 0, output: Buffer.concat(parts).toString() }));
    });
  }
}

/** Helpers report only as text that they have no credentials. */
function isNotFound(output: string): boolean {
  return /credentials not found/i.test(output);
}
