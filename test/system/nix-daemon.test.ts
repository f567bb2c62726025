import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { prepare } from "../../examples/nix/prepare.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { outside } from "./support/nix.ts";
import { type NixDaemon, startNixDaemon } from "./support/nix-daemon.ts";
import { startRegistry } from "./support/registry.ts";

const examples = fileURLToPath(new URL("../../examples/nix", import.meta.url));

/** A layered image, with a script; what it is made of; and the programs that stream and push it. */
const ATTRIBUTES = ["", ".customisationLayer", ".conf", ".stream"].map((of) => `layered-image${of}`);

describe("Nix functions in a multi-user Nix", { skip: requires("nix", "registry", "debianPackages") }, () => {
  const scope = stacked({ after });
  let nix: NixDaemon;
  let folder: string;
  let derivations: readonly string[];
  let archive: string;
  let stream: string;
  let push: string;

  before(async () => {
    prepare(join(examples, "debs"));
    folder = await temporaryFolder(scope);
    nix = await startNixDaemon(scope, { sandbox: false });
    const attributes = [...ATTRIBUTES, "pushLayered"].flatMap((attribute) => ["--attr", attribute]);
    // By root, since only root may be able to read the checkout; the user builds.
    derivations = lines(await nix.asRoot(["nix-instantiate", examples, ...attributes]));
    const outputs = lines(
      await nix.asUser(["nix-store", "--realise", "--max-jobs", "2", ...derivations], {
        timeoutSeconds: 300,
      }),
    );
    [archive, , , stream, push] = outputs as [string, string, string, string, string];
  });

  const lines = (text: string) => text.trim().split("\n");

  /** The image's ID, which is its config's hash. */
  async function imageOf(file: string): Promise<string> {
    const [image] = JSON.parse(await mustRun(["tar", "-xOf", file, "manifest.json"]));
    return image.Config.replace(/\.json$/, "");
  }

  it("streams as a user the image that build users built", async () => {
    const stdoutFile = join(folder, "streamed.tar");
    await nix.asUser([stream], { stdoutFile });
    assert.equal(await imageOf(stdoutFile), await imageOf(outside(nix, archive)));
  });

  it("pushes it as a user", async () => {
    const { host } = await startRegistry(scope);
    await nix.asUser([push, `${host}/layered:1`, "--quiet"]);
    const answer = await fetch(`http://${host}/v2/layered/manifests/1`, {
      headers: {
        Accept:
          "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json",
      },
    });
    const { config } = (await answer.json()) as { config: { digest: string } };
    assert.equal(config.digest, `sha256:${await imageOf(outside(nix, archive))}`);
  });

  it("asks for what the machine must have that runs the scripts", async () => {
    const layers = `let image = { requiredSystemFeatures = [ "uid-range" ]; }; examples = import ${examples} { }; in
      map (layer: layer.requiredSystemFeatures) [
        (examples.layered-image.override image).customisationLayer
        (examples.shadow.override image).layer
      ]`;
    const answer = await nix.asRoot(["nix-instantiate", "--eval", "--strict", "--json", "--expr", layers]);
    assert.deepEqual(JSON.parse(answer), [["uid-range"], ["uid-range"]]);
  });

  it("builds the same bytes in Nix's sandbox", async () => {
    await nix.restart({ sandbox: true });
    // Nix builds them again and compares.
    await nix.asUser(["nix-store", "--realise", "--check", ...derivations.slice(0, 3)]);
  });
});
