import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EntryType, type TarInputMember, writeTar } from "#tar";
import { finished } from "../../../src/layers/sandbox/finish.ts";

type TreeMember = string | { readonly dir: number } | { readonly link: string };

async function* members(tree: Readonly<Record<string, TreeMember>>): AsyncGenerator<TarInputMember> {
  for (const [name, made] of Object.entries(tree)) {
    const content = Buffer.from(typeof made === "string" ? made : "");
    const type =
      typeof made === "string" ? EntryType.file : "dir" in made ? EntryType.directory : EntryType.symlink;
    const mode = typeof made === "object" && "dir" in made ? made.dir : 0o644;
    const linkname = typeof made === "object" && "link" in made ? made.link : "";
    const entry = { name, type, mode, uid: 0, gid: 0, size: content.length, mtime: 1, linkname };
    yield {
      entry,
      content: (async function* () {
        yield content;
      })(),
    };
  }
}

describe("what stands behind the scripts' layer", () => {
  it("has nothing that the scripts have left, nor anything below a file or link of theirs", async () => {
    const scripts = { app: { dir: 0o700 }, "app/.env": "script's", "app/data": { link: "/data" } };
    const after = writeTar(
      members({
        "/app": { dir: 0o755 },
        "/app/.env": "project's",
        "/app/data": { dir: 0o755 },
        "/app/data/x": "x",
        "/app/index.js": "i",
      }),
    );
    const owner = { uid: 0, gid: 0, uname: "", gname: "" };
    const options = { owner, permissions: [], unmatched: new Set<never>(), after };
    const found: string[] = [];
    for await (const { entry, content } of finished(members(scripts), options)) {
      let text = "";
      for await (const chunk of content ?? []) text += Buffer.from(chunk).toString();
      found.push(`${entry.name} ${entry.mode.toString(8)} ${text}`.trim());
    }
    assert.deepEqual(found, ["app 700", "app/.env 644 script's", "app/data 644", "app/index.js 644 i"]);
  });
});
