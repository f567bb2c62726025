/** Ends a thread whose answer has come and isn't heard yet; prints when it has ended. */
import { Thread } from "#util";

const memory = new SharedArrayBuffer(4);
const asked = new Thread<string, string>({
  body: () => new URL("./asked-thread.ts", import.meta.url),
  job: "compress",
  data: memory,
  here: () => () => "here",
});
await asked.ask("a");
asked.ask("say when sent").catch(() => {});
Atomics.wait(new Int32Array(memory), 0, 0, 20_000);
await asked.end();
console.log("ended");
