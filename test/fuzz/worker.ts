/** Tries seeds in a thread of its own, so that one which hangs, or eats the memory, can be ended and told of. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { parentPort } from "node:worker_threads";
import fc from "fast-check";
import { targets } from "./targets.ts";

/** What a worker is asked, and what it answers: undefined where it found nothing. */
export interface Question {
  readonly target: string;
  readonly seed: number;
}
export interface Answer {
  readonly finding: string | undefined;
}

async function answer({ target: name, seed }: Question): Promise<Answer> {
  const target = targets.find((each) => each.name === name)!;
  // Seeds that follow each other are to have nothing in common.
  const state = createHash("sha256").update(`${name} ${seed}`).digest().readInt32LE();
  const result = await fc.check(target.property() as fc.IAsyncProperty<unknown>, {
    seed: state,
    numRuns: target.runs,
  });
  if (result.failed) {
    const error = result.errorInstance;
    const cause = error instanceof Error ? error.stack : String(error);
    return { finding: shortened(`${cause}\n${fc.stringify(result.counterexample)}`) };
  }
  const left = readdirSync(tmpdir());
  return {
    finding: left.length === 0 ? undefined : `left behind in the temporary folder: ${left.join(", ")}`,
  };
}

/** What comes after so much is not read by anybody. */
function shortened(text: string): string {
  return text.length > 8000 ? `${text.slice(0, 8000)}…` : text;
}

parentPort!.on("message", (question: Question) => {
  void answer(question).then((found) => parentPort!.postMessage(found));
});
