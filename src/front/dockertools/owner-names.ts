import { readFile } from "node:fs/promises";

/** The names of a numeric owner, as this machine's `/etc/passwd` and `/etc/group` have them; empty if they haven't. */
export async function ownerNames(uid: number, gid: number): Promise<{ uname: string; gname: string }> {
  return { uname: await nameIn("/etc/passwd", uid), gname: await nameIn("/etc/group", gid) };
}

/** Both files hold a line a name: name, password, number, more. */
async function nameIn(path: string, id: number): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const [name, , number] = line.split(":");
    if (name !== undefined && number === String(id)) return name;
  }
  return "";
}
