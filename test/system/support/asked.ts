/** Asks a server in a container that has no network: from inside, over HTTP. */
import assert from "node:assert/strict";
import type { Dockerd } from "./dockerd.ts";

/** What a server answered, and what is known of its process and its files. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Of the container's first process. */
  readonly uid: number;
  readonly command: readonly string[];
  /** What below `/app` belongs to somebody other than root, or may be written by others. */
  readonly wrong: readonly string[];
}

/** Runs in the container. The address isn't the one that a server has which listens for its own machine only. */
const QUESTION = `
const { lstatSync, readdirSync, readFileSync } = require("node:fs");
const [port, path] = process.argv.slice(1);
const ask = async (until) => {
  try {
    const signal = AbortSignal.timeout(100000);
    const response = await fetch("http://127.0.0.2:" + port + path, { signal });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    if (Date.now() > until) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return ask(until);
  }
};
const wrong = [];
const look = (path) => {
  const { uid, gid, mode } = lstatSync(path);
  const isLink = (mode & 0o170000) === 0o120000;
  if (uid !== 0 || gid !== 0 || (!isLink && mode & 0o022)) wrong.push(path);
  if ((mode & 0o170000) === 0o040000) for (const name of readdirSync(path)) look(path + "/" + name);
};
ask(Date.now() + 200000).then((answer) => {
  look("/app");
  const [, uid] = /^Uid:\\t(\\d+)/m.exec(readFileSync("/proc/1/status", "utf8"));
  const command = readFileSync("/proc/1/cmdline", "utf8").split("\\0").slice(0, -1);
  console.log(JSON.stringify({ ...answer, uid: Number(uid), command, wrong }));
});
`;

/** Asks until there is an answer. */
export async function asked(
  { docker }: Dockerd,
  { container, port, path }: { readonly container: string; readonly port: number; readonly path: string },
): Promise<Answer> {
  // The container's own NODE_OPTIONS are for its server.
  const options = ["exec", "--env", "NODE_OPTIONS=", container];
  const { code, stdout, stderr } = await docker([...options, "node", "-e", QUESTION, `${port}`, path]);
  if (code !== 0) {
    const log = await docker(["logs", container]);
    assert.fail(`${container} doesn't answer: ${stderr}\n${log.stdout}${log.stderr}`);
  }
  return JSON.parse(stdout.toString());
}

/** Asks a container to end, as `docker stop` does; its exit code, which is 137 if it had to be killed. */
export async function stopped({ docker }: Dockerd, container: string): Promise<number> {
  const { code, stderr } = await docker(["stop", "--timeout", "60", container]);
  assert.equal(code, 0, stderr);
  const { stdout } = await docker(["inspect", "--format", "{{.State.ExitCode}}", container]);
  return Number(stdout.toString());
}
