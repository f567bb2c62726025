/** What programs look for in every root: users, a shell, certificates, a place for temporary files. */
import { type Directory, type File, type Link, MergedRoot, type Node, newDirectory } from "./merge.ts";

export interface RootFiles {
  /** `/etc/passwd` and `/etc/group` with root and nobody, `/etc/nsswitch.conf`, and an empty home. */
  readonly fakeNss?: boolean;
  /** The path in the image that `/bin/sh` leads to. */
  readonly binSh?: string | undefined;
  /** The path in the image that `/usr/bin/env` leads to. */
  readonly usrBinEnv?: string | undefined;
  /** The certificates' path in the image, or their bytes. */
  readonly caCertificates?: string | Uint8Array | undefined;
}

/** The places where OpenSSL, Go, GnuTLS and others look for certificates on the usual distributions. */
const CERTIFICATE_PLACES = [
  "etc/ssl/certs/ca-bundle.crt",
  "etc/ssl/certs/ca-certificates.crt",
  "etc/pki/tls/certs/ca-bundle.crt",
];

/** The tree of the files that the options ask for. */
export function rootFiles({ fakeNss = false, binSh, usrBinEnv, caCertificates }: RootFiles): Directory {
  const merged = new MergedRoot();
  const put = (path: string, node: Node) => merged.add(atPath(path, node));
  if (fakeNss) {
    const from = "fakeNss";
    const account = (name: string, id: number, words: string) =>
      `${name}:x:${id}:${id}:${words}:/var/empty:/bin/sh\n`;
    put("etc/passwd", text(account("root", 0, "root user") + account("nobody", 65534, "nobody"), from));
    put("etc/group", text("root:x:0:\nnobody:x:65534:\n", from));
    put("etc/nsswitch.conf", text("hosts: files dns\n", from));
    put("var/empty", newDirectory(from, { mode: 0o555 }));
  }
  if (binSh !== undefined) put("bin/sh", link(binSh, "binSh"));
  if (usrBinEnv !== undefined) put("usr/bin/env", link(usrBinEnv, "usrBinEnv"));
  if (caCertificates !== undefined) {
    const from = "caCertificates";
    const [first, ...others] = CERTIFICATE_PLACES as [string, ...string[]];
    const linked = typeof caCertificates === "string";
    put(first, linked ? link(caCertificates, from) : file(caCertificates, from));
    for (const place of others) put(place, link(linked ? caCertificates : `/${first}`, from));
  }
  return merged.root;
}

/** `/tmp`, for everybody to write to. */
export function tmpTree(): Directory {
  return atPath("tmp", newDirectory("tmp", { mode: 0o1777 }));
}

/** A tree with a single node, at a path. */
function atPath(path: string, node: Node): Directory {
  return path.split("/").reduceRight<Node>((child, name) => {
    const directory = newDirectory(child.from);
    directory.children.set(name, child);
    return directory;
  }, node) as Directory;
}

function text(content: string, from: string): File {
  return file(Buffer.from(content), from);
}

function file(content: Uint8Array, from: string): File {
  return { kind: "file", from, data: { content, mode: 0o644 } };
}

function link(path: string, from: string): Link {
  return { kind: "link", text: path, from };
}
