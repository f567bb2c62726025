/** Handles unexpected failures: they are reported as varve's fault, and what is half-written is removed. */
import { varveVersion as version } from "#util";

/** How long the work that was cancelled may take to clean up, in milliseconds, before the process ends without it. */
const GRACE = 10_000;

/** Failures in places where no command can catch them. */
export interface Faults {
  /** Whether there was one, which has been reported. */
  readonly told: boolean;
}

/**
 * From now on catches what nothing else catches. The first such failure is reported, and the work is cancelled; later ones are
 * only consequences.
 */
export function watchFaults(options: {
  readonly tell: (sentence: string) => void;
  readonly cancel: (reason: unknown) => void;
}): Faults {
  const faults = { told: false };
  process.on("uncaughtException", (error) => {
    if (faults.told) return;
    faults.told = true;
    // This exit status counts if nothing else is running any more.
    process.exitCode = 1;
    options.tell(faultSentence(error));
    options.cancel(error);
    setTimeout(() => process.exit(1), GRACE).unref();
  });
  return faults;
}

/** A failure that isn't a VarveError, as a sentence: that it is varve's fault, what it was, and what to report. */
export function faultSentence(error: unknown): string {
  const { name = "", message = String(error), stack = "" } = error instanceof Error ? error : {};
  const place = /^ +at (.*)$/m.exec(stack)?.[1];
  const words = oneLine([name, message].filter((part) => part !== "").join(": "));
  const where = place === undefined ? "" : `, ${oneLine(place)}`;
  const { versions, platform, arch } = process;
  return `Error: varve has a fault (${words}${where}); please report it with the command and what it worked on, varve ${version()}, Node.js ${versions.node}, ${platform} ${arch}`;
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
