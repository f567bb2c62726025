/** Asks at the terminal. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true;
}

/** Asks at the terminal; an answer that is hidden isn't shown while it is typed. */
export async function ask(question: string, { hidden }: { hidden: boolean }): Promise<string> {
  process.stderr.write(question);
  const output = new Writable({
    write(chunk, encoding, done) {
      if (!hidden) process.stderr.write(chunk, encoding as BufferEncoding);
      done();
    },
  });
  const prompt = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await prompt.question("");
  } finally {
    prompt.close();
    process.stderr.write("\n");
  }
}
