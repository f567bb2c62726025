/**
 * Preloaded into a program (`node --import`), it kills it at a step of its work: before the operation on files whose number
 * is in `KILL_AT`, counted from 1, or in the middle of it where it is a write. So the moment follows from the number, and not
 * from how fast the machine is. With `COUNT_TO`, the path of a file, it writes there how many operations there were.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const at = Number(process.env["KILL_AT"] ?? 0);
const countTo = process.env["COUNT_TO"];
let count = 0;

function step(half: () => void = () => {}): void {
  count++;
  if (count !== at) return;
  half();
  process.kill(process.pid, "SIGKILL");
}

// biome-ignore lint/suspicious/noExplicitAny: the functions differ in all they take
type AnyFunction = (...args: any[]) => unknown;

function watch(owner: object, name: string, half?: (...args: unknown[]) => void): void {
  const functions = owner as Record<string, AnyFunction>;
  const original = functions[name]!;
  const watched: AnyFunction = (...args) => {
    step(() => half?.(...args));
    return original(...args);
  };
  // How it is made to return a promise is among its properties.
  functions[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
}

if (isMainThread) {
  for (const name of ["link", "mkdir", "open", "rename", "rm", "writeFile"]) watch(fs.promises, name);
  watch(fs, "write", (fd, bytes, offset, length) => {
    fs.writeSync(fd as number, bytes as Uint8Array, offset as number, Math.floor((length as number) / 2));
  });
  syncBuiltinESMExports();
  if (countTo !== undefined) process.once("exit", () => fs.writeFileSync(countTo, String(count)));
}
