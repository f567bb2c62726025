import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Scope, stacked } from "../../support/tmp.ts";
import { makeSigner } from "./tls.ts";

/** What a token was asked for. */
export interface TokenRequest {
  /** Whose password came with it; nobody's when left out. */
  readonly user?: string;
  /** `repository:NAME:ACTIONS` each. */
  readonly scopes: readonly string[];
}

/** A server of bearer tokens: Docker registry v2 authentication via central service. */
export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** The PEM file of the certificate whose key signs the tokens. */
  readonly certificate: string;
  /** Every request that was granted a token. */
  readonly granted: TokenRequest[];
}

export interface TokenServerOptions {
  readonly user: string;
  readonly password: string;
}

/** Starts a token server on loopback: the user may do everything, others may pull from what begins with `public/`. */
export async function startTokenServer(
  outer: Scope,
  { user, password }: TokenServerOptions,
): Promise<TokenServer> {
  const scope = stacked(outer);
  const signer = await makeSigner(scope);
  const key = createPrivateKey(await readFile(signer.key));
  const chain = [new X509Certificate(await readFile(signer.certificate)).raw.toString("base64")];
  const service = "varve test registry";
  const issuer = "varve test tokens";
  const granted: TokenRequest[] = [];
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  const token = (access: readonly Access[], subject: string): string => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, sub: subject, aud: service, nbf: now - 60, iat: now, exp: now + 300 };
    const body = `${encode({ typ: "JWT", alg: "ES256", x5c: chain })}.${encode({ ...claims, jti: randomUUID(), access })}`;
    return `${body}.${sign("sha256", Buffer.from(body), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://127.0.0.1");
    const given = credentialsOf(request);
    const known = given !== undefined && given.user === user && given.password === password;
    if (request.method !== "GET" || url.pathname !== "/token") {
      response.writeHead(404).end();
    } else if (given !== undefined && !known) {
      response.writeHead(401).end(JSON.stringify({ details: "wrong user or password" }));
    } else if (url.searchParams.get("service") !== service) {
      response.writeHead(400).end();
    } else {
      const scopes = url.searchParams.getAll("scope").flatMap((text) => text.split(" "));
      granted.push({ ...(known ? { user } : {}), scopes });
      const access = scopes.map(parseScope).map((wanted) => (known ? wanted : publicPart(wanted)));
      const answer = { token: token(access, known ? user : ""), expires_in: 300 };
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    service,
    issuer,
    certificate: signer.certificate,
    granted,
  };
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

function parseScope(text: string): Access {
  const [type = "", name = "", actions = ""] = text.split(":");
  return { type, name, actions: actions.split(",") };
}

function publicPart({ type, name, actions }: Access): Access {
  const allowed = name.startsWith("public/") ? actions.filter((action) => action === "pull") : [];
  return { type, name, actions: allowed };
}

function credentialsOf({ headers }: IncomingMessage): { user: string; password: string } | undefined {
  const [, encoded] = /^Basic (.*)$/.exec(headers.authorization ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const [, user = "", password = ""] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  return { user, password };
}
