import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
  readonly media: "screen" | "print";
}

/** A page in a real browser. */
export interface BrowserPage {
  /** The value of an expression in the page, as JSON has it. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses and lets go of a key, such as `Enter` or `ArrowRight`. */
  press(key: string): Promise<void>;
  /** Clicks in the middle of the first element that a selector finds, where a mouse would. */
  click(selector: string): Promise<void>;
  /** Changes how the page is looked at. */
  look(look: Look): Promise<void>;
  screenshot(path: string): Promise<void>;
  /** What the page complained of, such as an exception or a breach of its policy. */
  readonly complaints: readonly string[];
  /** The addresses of all that was asked for. */
  readonly requests: readonly string[];
}

/** A browser without a window; it is gone with the scope. */
export interface Browser {
  open(url: string, look?: Partial<Look>): Promise<BrowserPage>;
}

type Message = Readonly<Record<string, unknown>>;

/** Starts Debian's Chromium and talks to it by the DevTools protocol over a pipe, so that no port is opened. */
export async function startChromium(outer: Scope): Promise<Browser> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const options = [
    "--headless=new",
    // There is nobody but root in a container, and Chromium's sandbox wants another.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    `--user-data-dir=${folder}/profile`,
    "--remote-debugging-pipe",
  ];
  const child = spawn("chromium", options, {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
  });
  const ended = once(child, "close");
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const connection = new Connection(input, output);
  scope.after(async () => {
    await connection.send("Browser.close").catch(() => {});
    await ended;
  });
  return { open: (url, look) => openPage(connection, url, look) };
}

async function openPage(connection: Connection, url: string, look: Partial<Look> = {}): Promise<BrowserPage> {
  const { targetId } = await connection.send("Target.createTarget", { url: "about:blank" });
  const attached = await connection.send("Target.attachToTarget", { targetId, flatten: true });
  const sessionId = attached["sessionId"] as string;
  const send = (method: string, params: Message = {}) => connection.send(method, params, sessionId);
  const complaints: string[] = [];
  const requests: string[] = [];
  let loaded = () => {};
  const loading = new Promise<void>((resolve) => {
    loaded = resolve;
  });
  connection.listen(sessionId, (method, params) => {
    if (method === "Page.loadEventFired") loaded();
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") {
      complaints.push(JSON.stringify(params));
    }
    if (method === "Page.javascriptDialogOpening") complaints.push("a dialog");
    if (method === "Network.requestWillBeSent") requests.push((params["request"] as { url: string }).url);
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  const lookAt = async ({ width, height, scheme, media }: Look): Promise<void> => {
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await send("Emulation.setEmulatedMedia", { media, features });
    await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  };
  await lookAt({ width: 1280, height: 900, scheme: "light", media: "screen", ...look });
  await send("Page.navigate", { url });
  await loading;

  const evaluate = async <T>(expression: string): Promise<T> => {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await send("Runtime.evaluate", options);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  };
  return {
    complaints,
    requests,
    evaluate,
    look: lookAt,
    async press(key) {
      const code = KEY_CODES[key];
      const text = key === "Enter" ? { text: "\r" } : {};
      const event = { key, code: key, windowsVirtualKeyCode: code };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    async click(selector) {
      const found = await evaluate<{ x: number; y: number } | null>(
        `(() => { const e = document.querySelector(${JSON.stringify(selector)}); if (!e) return null; e.scrollIntoView({ block: "center" }); const b = e.getBoundingClientRect(); return { x: b.left + b.width / 2, y: b.top + b.height / 2 }; })()`,
      );
      if (found === null) throw new Error(`the page has no ${selector}`);
      const event = { ...found, button: "left", clickCount: 1 };
      await send("Input.dispatchMouseEvent", { type: "mousePressed", ...event });
      await send("Input.dispatchMouseEvent", { type: "mouseReleased", ...event });
    },
    async screenshot(path) {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: false });
      await writeFile(path, Buffer.from(data as string, "base64"));
    },
  };
}

const KEY_CODES: Readonly<Record<string, number>> = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

/** Messages to the browser and from it, each ended by a zero byte. */
class Connection {
  readonly #input: Writable;
  readonly #waiting = new Map<number, PromiseWithResolvers<Message>>();
  readonly #listeners = new Map<string, (method: string, params: Message) => void>();
  #last = 0;
  #rest = Buffer.alloc(0);

  constructor(input: Writable, output: Readable) {
    this.#input = input;
    output.on("data", (chunk: Buffer) => this.#receive(chunk));
    output.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has gone"));
    });
    input.on("error", () => {});
  }

  listen(sessionId: string, listener: (method: string, params: Message) => void): void {
    this.#listeners.set(sessionId, listener);
  }

  send(method: string, params: Message = {}, sessionId?: string): Promise<Message> {
    const id = ++this.#last;
    const answer = Promise.withResolvers<Message>();
    this.#waiting.set(id, answer);
    this.#input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    return answer.promise;
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(0); end !== -1; end = this.#rest.indexOf(0)) {
      const text = this.#rest.toString("utf8", 0, end);
      this.#rest = this.#rest.subarray(end + 1);
      const { id, method, params, sessionId, result, error } = JSON.parse(text) as {
        id?: number;
        method?: string;
        params?: Message;
        sessionId?: string;
        result?: Message;
        error?: { message: string };
      };
      if (id === undefined) {
        if (method !== undefined) this.#listeners.get(sessionId ?? "")?.(method, params ?? {});
        continue;
      }
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result ?? {});
      else waiting?.reject(new Error(error.message));
    }
  }
}
