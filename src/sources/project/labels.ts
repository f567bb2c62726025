/** An image's labels, from package.json and Git: OCI image specification, annotations.md, "Pre-Defined Annotation Keys". */
import type { GitState } from "./git.ts";
import type { Manifest } from "./manifest.ts";

/** The labels that a project says by itself. */
export function projectLabels(
  { name, version, description, license, repository }: Manifest,
  { revision, origin }: GitState,
): Record<string, string> {
  const known = {
    title: name,
    version,
    description,
    // What isn't an SPDX expression says nothing to a program.
    licenses: license !== undefined && /^(?:SEE LICENSE|UNLICENSED)/i.test(license) ? undefined : license,
    source: webAddress(repository) ?? webAddress(origin),
    revision,
  };
  return Object.fromEntries(
    Object.entries(known)
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([key, value]) => [`org.opencontainers.image.${key}`, value as string]),
  );
}

const HOSTS: Readonly<Record<string, string>> = {
  "": "github.com",
  github: "github.com",
  gitlab: "gitlab.com",
  bitbucket: "bitbucket.org",
};

/** A repository's address as a browser takes it, without what anybody could log in with; undefined if it has none. */
export function webAddress(repository: string | undefined): string | undefined {
  if (repository === undefined) return undefined;
  const [, host, path] = /^(?:(github|gitlab|bitbucket):)?([\w.-]+\/[\w.-]+)$/.exec(repository) ?? [];
  if (path !== undefined) return `https://${HOSTS[host ?? ""]}/${path.replace(/\.git$/, "")}`;
  const [, sshHost, sshPath] = /^[\w.-]+@([\w.-]+):(?!\/)(.+)$/.exec(repository) ?? [];
  const address = sshHost === undefined ? repository.replace(/^git\+/, "") : `https://${sshHost}/${sshPath}`;
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(address);
  if (!/^(?:https?|ssh|git):$/.test(protocol) || hostname === "") return undefined;
  const isWeb = protocol.startsWith("http");
  const where = isWeb && port !== "" ? `${hostname}:${port}` : hostname;
  return `${isWeb ? protocol : "https:"}//${where}${pathname.replace(/\.git\/?$/, "")}`;
}
