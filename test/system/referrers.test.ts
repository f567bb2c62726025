/** A real registry without an API for referrers, which keeps them at tags. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Images, startImages } from "./support/images.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

const TYPE = "application/vnd.openvex+json";

interface Node {
  readonly descriptor: { readonly digest: string; readonly annotations?: { readonly number?: string } };
  readonly children: readonly Node[];
}

describe("a registry without an API for referrers", { skip: requires("registry", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let name: string;

  before(async () => {
    images = await startImages(scope);
    registry = await startRegistry(scope);
    name = `${registry.host}/app:1`;
    await images.varve(["push", "--quiet", await images.build({ name: "app", sizes: [1000] }), name]);
    for (const number of ["1", "2", "3", "4"]) writeFileSync(`${images.folder}/vex-${number}.json`, number);
  });

  const attach = async (number: string, to = name) =>
    await images.varve([
      ...["attach", to, `${images.folder}/vex-${number}.json`, "--artifact-type", TYPE],
      ...["--annotation", `number=${number}`, "--quiet"],
    ]);
  const tree = async (place: string): Promise<Node> =>
    JSON.parse(await images.varve(["tree", "--json", place])).tree;

  it("loses nothing of several who attach at once, and takes the same once", async () => {
    await Promise.all(["1", "2", "3", "4"].map((number) => attach(number)));
    await attach("2");
    const { children } = await tree(`docker://${name}`);
    const numbers = children.map(({ descriptor }) => descriptor.annotations?.number);
    assert.deepEqual(numbers.sort(), ["1", "2", "3", "4"]);
  });

  it("gives and takes all that hangs on an image, and on that", async () => {
    const [first] = (await tree(`docker://${name}`)).children;
    await attach("1", `${registry.host}/app@${first!.descriptor.digest}`);
    const all = await tree(`docker://${name}`);
    assert.equal(all.children[0]?.children.length, 1);
    const layout = `oci:${images.folder}/taken:1`;
    await images.varve(["pull", "--quiet", "--referrers", name, layout]);
    assert.deepEqual(await tree(layout), all);
    await images.varve(["push", "--quiet", "--referrers", layout, `${registry.host}/other/app:1`]);
    assert.deepEqual(await tree(`docker://${registry.host}/other/app:1`), all);
  });
});
