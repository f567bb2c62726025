import type { Agent, AgentOptions, ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { nodeHttp, nodeTls } from "#util";

/** How an agent makes its tunnels. */
export interface TunnelOptions extends AgentOptions {
  /** Whether TLS is spoken through the tunnel. */
  readonly secure: boolean;
  /** How long the proxy may take to make a tunnel, in milliseconds. */
  readonly patience: number;
  readonly ca?: string[];
}

type Connected = (error: Error | null, stream: Duplex) => void;

/** An agent whose connections are tunnels through an HTTP proxy (RFC 9110, section 9.3.6). */
export function tunnelAgent(proxy: URL, { secure, patience, ...options }: TunnelOptions): Agent {
  const { Agent } = nodeHttp(secure);
  const agent = new Agent(options);
  const underWay = new Set<ClientRequest>();
  agent.createConnection = (target, connected?: Connected) => {
    const { host, port } = target as { host: string; port: number };
    const asked = askForTunnel(proxy, {
      to: `${host.includes(":") ? `[${host}]` : host}:${port}`,
      ...options,
    });
    underWay.add(asked);
    asked.once("close", () => underWay.delete(asked));
    asked.setTimeout(patience, () => asked.destroy(refusal("ETIMEDOUT", "the proxy made no tunnel in time")));
    asked.once("error", (error) => connected?.(error, undefined as unknown as Duplex));
    asked.once("response", (response) => {
      asked.destroy(refusal("PROXY_REFUSAL", `the proxy ${proxy.host} answered ${response.statusCode}`));
    });
    asked.once("connect", (response: IncomingMessage, socket: Socket, first: Buffer) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        const words = `the proxy ${proxy.host} answered ${response.statusCode}`;
        connected?.(refusal("PROXY_REFUSAL", words), undefined as unknown as Duplex);
        return;
      }
      socket.setTimeout(0);
      if (first.length > 0) socket.unshift(first);
      connected?.(null, secure ? nodeTls().connect({ ...(target as TlsOptions), socket }) : socket);
    });
    asked.end();
    // This tells Node that the connection comes later.
    return undefined as unknown as Duplex;
  };
  const { destroy } = agent;
  agent.destroy = () => {
    for (const asked of underWay) asked.destroy();
    destroy.call(agent);
  };
  return agent;
}

function askForTunnel(proxy: URL, { to, ca }: { to: string; ca?: string[] }): ClientRequest {
  const { username, password } = proxy;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization =
    username === "" && password === ""
      ? {}
      : { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` };
  const { request: send } = nodeHttp(proxy.protocol === "https:");
  return send({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
    method: "CONNECT",
    path: to,
    headers: { host: to, ...authorization },
    agent: false,
    ...(ca && { ca }),
  });
}

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
