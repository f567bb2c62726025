import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const list = readFileSync(new URL("../../../scripts/peers.list", import.meta.url), "utf8");

/**
 * The path of a program that `scripts/peers` installs, at the version that its list has.
 * @throws where it isn't there: these tests are run where it should be
 */
export function peer(name: string): string {
  const line = list.split("\n").find((each) => each.startsWith(`${name} `));
  const [, , version] = line?.split(/ +/) ?? [];
  if (version === undefined) throw new Error(`scripts/peers.list has no ${name}`);
  const file = join(peersFolder(), `${name}@${version}`, name);
  if (!existsSync(file)) throw new Error(`${name} ${version} is not there; scripts/peers installs it`);
  return file;
}

/** Where `scripts/peers` installs what it does. */
export function peersFolder(): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return process.env["VARVE_PEERS"] || join(cache, "varve-peers");
}
