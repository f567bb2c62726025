/** The headers of an answer, by their names in lower case. */
export class Headers {
  readonly #values: Readonly<Record<string, readonly string[] | undefined>>;

  constructor(values: Readonly<Record<string, readonly string[] | undefined>>) {
    this.#values = values;
  }

  /** The header's value, the first if it came several times. */
  get(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** Every value of the header, without the white space around it, which isn't part of it (RFC 9110, section 5.5). */
  all(name: string): readonly string[] {
    const values = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return (values ?? []).map((value) => value.trim());
  }
}

/**
 * The pause that a `Retry-After` header asks for, in milliseconds (RFC 9110, section 10.2.3). A date is counted from the answer's
 * own `Date`, so no local clock is needed; undefined if there is no such header or it makes no sense.
 */
export function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const until = Date.parse(text);
  const from = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(until) || Number.isNaN(from) ? undefined : Math.max(0, until - from);
}
