import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DEFAULT_DOCKER_HOST, dockerHost } from "#daemon";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { fails } from "./support/images.ts";

/** A folder with Docker's settings, and in it contexts with their hosts. */
async function settings(
  scope: Scope,
  current: string | undefined,
  contexts: Record<string, string>,
): Promise<string> {
  const folder = join(await temporaryFolder(scope), ".docker");
  await mkdir(folder);
  const config = { auths: {}, ...(current === undefined ? {} : { currentContext: current }) };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  for (const [name, host] of Object.entries(contexts)) {
    const meta = join(folder, "contexts", "meta", createHash("sha256").update(name).digest("hex"));
    await mkdir(meta, { recursive: true });
    const metadata = {
      Name: name,
      Metadata: {},
      Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
    };
    await writeFile(join(meta, "meta.json"), JSON.stringify(metadata));
  }
  return folder;
}

describe("the Docker host", () => {
  it("is the default socket where nothing is said", async (t) => {
    assert.equal(await dockerHost({}, await temporaryFolder(t)), DEFAULT_DOCKER_HOST);
    const folder = await settings(t, "default", {});
    assert.equal(await dockerHost({ DOCKER_HOST: "" }, join(folder, "..")), DEFAULT_DOCKER_HOST);
  });

  it("is DOCKER_HOST, then the context of DOCKER_CONTEXT, then the current one of the settings", async (t) => {
    const folder = await settings(t, "current", { current: "unix:///a", other: "unix:///b" });
    const home = join(folder, "..");
    assert.equal(await dockerHost({}, home), "unix:///a");
    assert.equal(await dockerHost({ DOCKER_CONFIG: folder }, "/nowhere"), "unix:///a");
    assert.equal(await dockerHost({ DOCKER_CONTEXT: "other" }, home), "unix:///b");
    assert.equal(await dockerHost({ DOCKER_CONTEXT: "default" }, home), DEFAULT_DOCKER_HOST);
    const env = { DOCKER_CONTEXT: "other", DOCKER_HOST: "unix:///c" };
    assert.equal(await dockerHost(env, home), "unix:///c");
  });

  it("isn't guessed when the context is missing or its settings are broken", async (t) => {
    const folder = await settings(t, "gone", {});
    await fails(
      dockerHost({}, join(folder, "..")),
      "NOT_FOUND",
      /Docker's context "gone" isn't in .*DOCKER_HOST/,
    );
    await writeFile(join(folder, "config.json"), "{");
    await fails(dockerHost({}, join(folder, "..")), "INVALID_JSON", /config\.json/);
    await writeFile(join(folder, "config.json"), '{"currentContext": 1}');
    await fails(dockerHost({}, join(folder, "..")), "USAGE", /config\.json.*currentContext/);
  });
});
