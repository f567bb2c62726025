import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";

/** The release of Debian after the one that the tests run on: what is too old in that one is from here. */
export const NEXT_RELEASE = "trixie";

/** Has Debian's packages for any architecture put into a folder, of this machine's release of Debian or another; their files. */
export async function downloadPackages(
  folder: string,
  names: readonly string[],
  release?: string,
): Promise<string[]> {
  const own = mkdtempSync(join(folder, "apt-"));
  for (const name of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(own, name), { recursive: true });
  const options = [
    ...["APT::Architectures::=amd64", "APT::Architectures::=arm64", "APT::Sandbox::User=root"],
    ...[`Dir::State::Lists=${own}/lists`, `Dir::Cache=${own}/cache`],
  ];
  if (release !== undefined) {
    const targets = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"];
    const sites = (await mustRun(["apt-get", ...targets])).split("\n");
    const site = sites.find((each) => !each.includes("security"));
    writeFileSync(join(own, "sources.list"), `deb ${site} ${release} main\n`);
    options.push(`Dir::Etc::SourceList=${own}/sources.list`, "Dir::Etc::SourceParts=/dev/null");
  }
  const apt = ["apt-get", "-qq", ...options.flatMap((option) => ["-o", option])] as const;
  await mustRun([...apt, "update"] as [string, ...string[]], { cwd: own, timeoutSeconds: 300 });
  await mustRun([...apt, "download", ...names] as [string, ...string[]], { cwd: own, timeoutSeconds: 300 });
  return readdirSync(own)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(own, name));
}
