/** Links that lead nowhere, and modes that let in more than was meant. */
import type { Fault } from "../findings.ts";
import type { ImageRoot } from "../root.ts";
import type { Inspected } from "./inspected.ts";

/** Distributions leave these out of small images, and the links to them in. */
const FOR_READERS = /^usr\/share\/(?:doc|man|info|locale|lintian|bug)\//;

export function* linkFaults({ root, links }: Inspected): Generator<Fault, void, void> {
  for (const { path, node } of links) {
    const target = node.root.entry.linkname ?? "";
    const found = root.resolve(target, node.parent);
    const about = { severity: "warning", path, subject: target } as const;
    const depth = path.split("/").length - 2;
    if (found.kind === "circle") {
      yield {
        ...about,
        code: "link-circle",
        message: `it is a link to ${target}, which leads back to itself`,
      };
    } else if (!target.startsWith("/") && climbs(target) > depth) {
      yield {
        ...about,
        code: "link-leaves-root",
        message: `it is a link to ${target}, which goes above the root; in a container it ends there, elsewhere it leads out`,
      };
    } else if (found.kind === "missing" && isStore(found.path)) {
      yield {
        ...about,
        code: "missing-store-path",
        message: `it is a link to ${target}, and ${storePath(found.path)} isn't in the image`,
      };
    } else if (found.kind === "missing" && !FOR_READERS.test(found.path)) {
      yield { ...about, code: "dangling-link", message: `it is a link to ${target}, which isn't there` };
    }
  }
}

function isStore(path: string): boolean {
  return path.startsWith("nix/store/");
}

function storePath(path: string): string {
  return `/${path.split("/").slice(0, 3).join("/")}`;
}

/** How many folders a relative path goes up from where it begins, at most. */
function climbs(target: string): number {
  let depth = 0;
  let most = 0;
  for (const part of target.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    most = Math.max(most, -depth);
  }
  return most;
}

const octal = (mode: number) => (mode & 0o7777).toString(8).padStart(4, "0");

export function* modeFaults({ special }: Inspected): Generator<Fault, void, void> {
  for (const { path, node } of special) {
    const { kind, entry } = node.root;
    const { mode, uid } = entry;
    const about = { severity: "warning", path } as const;
    if (kind === "file" && (mode & 0o6000) !== 0 && (mode & 0o111) !== 0) {
      const whose = (mode & 0o4000) !== 0 ? `the user ${uid}` : "its group";
      yield {
        ...about,
        code: "set-user-id",
        message: `whoever runs it does so as ${whose} (mode ${octal(mode)})`,
      };
    }
    const isShared = kind === "directory" && (mode & 0o1000) !== 0;
    if ((kind === "file" || kind === "directory") && (mode & 0o002) !== 0 && !isShared) {
      yield { ...about, code: "world-writable", message: `everybody may write to it (mode ${octal(mode)})` };
    }
  }
}

/** Whether there is something in the image at the store path that a path is in. */
export function hasStorePath(root: ImageRoot, path: string): boolean {
  const found = root.resolve(path.split("/").slice(0, 4).join("/"));
  return found.kind !== "missing";
}
