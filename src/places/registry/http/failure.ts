import { type ErrorCode, VarveError } from "#errors";
import { oneLine } from "#util";

/** A failure met while talking to a registry, and whether trying again may help. */
export class RegistryFailure extends VarveError {
  /** Whether the same request may succeed a little later: the connection broke, the server was overloaded. */
  readonly transient: boolean;
  /** The HTTP status that was answered, if there was an answer. */
  readonly status: number | undefined;
  /** How long the server wants no further request, in milliseconds, if it said so. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; transient?: boolean; status?: number; retryAfter?: number | undefined } = {},
  ) {
    super(code, message, "cause" in options ? { cause: options.cause } : undefined);
    this.transient = options.transient ?? false;
    this.status = options.status;
    this.retryAfter = options.retryAfter;
  }
}

/** Whether trying again may help. */
export function isTransient(error: unknown): boolean {
  return error instanceof RegistryFailure && error.transient;
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: "the connection was refused; see to it that it runs, and that its name and port are right",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
  ENETDOWN: "the network is down",
  EADDRNOTAVAIL: "no local address is available",
  ENOTFOUND: "its name is unknown; see to the name, and to the network",
  EAI_AGAIN: "its name could not be looked up",
  CONNECT_TIMEOUT: "the connection timed out",
  HEADERS_TIMEOUT: "no answer came in time",
  BODY_TIMEOUT: "nothing, or too little, passed within the time limit",
};

/** Codes of failures that another attempt can't change. */
const LASTING = new Set(["ENOTFOUND"]);

/** Certificate faults have no common code; these are what OpenSSL and Node call them. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH/;

/** A code of an error or of what caused it. */
export function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === "string") return code;
    at = cause;
  }
  return undefined;
}

/** Turns a failure of the connection to `host` into the error for the user. */
export function connectionFailure(host: string, error: unknown): VarveError {
  if (error instanceof VarveError) return error;
  const code = codeOf(error) ?? "";
  const words = WORDS[code];
  if (words !== undefined) {
    return new RegistryFailure("NETWORK", `cannot reach ${host}: ${words}`, {
      cause: error,
      transient: !LASTING.has(code),
    });
  }
  if (CERTIFICATE.test(code)) {
    return new RegistryFailure(
      "NETWORK",
      `the certificate of ${host} is not trusted (${code}); if it is from a private authority, give that authority's certificate`,
      { cause: error },
    );
  }
  if (isTlsProtocolError(code)) {
    return new RegistryFailure("NETWORK", `${host} does not speak HTTPS (${code})`, { cause: error });
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    return new RegistryFailure("TOO_LARGE", `${host} sent more headers than any real answer has`, {
      cause: error,
    });
  }
  if (code.startsWith("HPE_")) {
    return new RegistryFailure("REGISTRY_PROTOCOL", `${host} sent an answer that is not HTTP`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RegistryFailure("NETWORK", `cannot talk to ${host}: ${oneLine(message, 200)}`, { cause: error });
}

/** Whether the peer answered a TLS handshake with something else. */
export function isTlsProtocolError(code: string | undefined): boolean {
  return code === "EPROTO" || (code?.startsWith("ERR_SSL_") ?? false);
}

/** The codes and messages of an error body (OCI distribution specification, "Error codes"), in one line; empty if it has none. */
export function errorsOf(body: Uint8Array): string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch {
    return "";
  }
  const { errors, details, error, error_description: description } = (value ?? {}) as Record<string, unknown>;
  if (Array.isArray(errors)) {
    const parts = errors.slice(0, 3).map((item: unknown) => {
      const { code, message } = (item ?? {}) as Record<string, unknown>;
      return [code, message].filter((part) => typeof part === "string" && part !== "").join(": ");
    });
    return oneLine(parts.filter((part) => part !== "").join("; "), 300);
  }
  for (const text of [description, details, error]) {
    if (typeof text === "string") return oneLine(text, 300);
  }
  return "";
}
