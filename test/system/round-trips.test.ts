import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, stacked } from "../support/tmp.ts";
import { type Containerd, startContainerd } from "./support/containerd.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type Images, type Inspected, startImages } from "./support/images.ts";
import { type Podman, startPodman } from "./support/podman.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
type Compression = (typeof COMPRESSIONS)[number];

/** One image in every form that varve writes. */
interface Forms {
  readonly images: Images;
  /** The docker-archive's path, and what is in it. */
  readonly archive: string;
  readonly archived: Inspected;
  /** The OCI layout and the OCI archive of a compression; their tag is `1`. */
  layout(compression: Compression): string;
  layoutArchive(compression: Compression): string;
  /** What is in both. */
  stored(compression: Compression): Inspected;
  /** A path in the images' folder that nothing has yet. */
  fresh(): string;
}

async function startForms(scope: Scope): Promise<Forms> {
  const images = await startImages(scope);
  const archive = await images.build({ name: "app", sizes: [1000, 300_000, 50_000] });
  const layout = (compression: Compression) => join(images.folder, `layout-${compression}`);
  const layoutArchive = (compression: Compression) => join(images.folder, `layout-${compression}.tar`);
  const stored = new Map<Compression, Inspected>();
  for (const compression of COMPRESSIONS) {
    const how = ["--quiet", "--compression", compression];
    await images.varve(["copy", ...how, archive, `oci:${layout(compression)}:1`]);
    await images.varve(["copy", ...how, archive, `oci-archive:${layoutArchive(compression)}:1`]);
    const inspected = await images.inspect(`oci:${layout(compression)}:1`);
    assertSame(await images.inspect(`oci-archive:${layoutArchive(compression)}:1`), inspected);
    const ending = { none: ".tar", gzip: ".tar+gzip", zstd: ".tar+zstd" }[compression];
    assert.ok(inspected.layers.every(({ mediaType }) => mediaType.endsWith(ending)));
    stored.set(compression, inspected);
  }
  let count = 0;
  return {
    images,
    archive,
    archived: await images.inspect(`docker-archive:${archive}`),
    layout,
    layoutArchive,
    stored: (compression) => stored.get(compression)!,
    fresh: () => join(images.folder, `back-${++count}`),
  };
}

/** The same manifest, so the same of everything. */
function assertSame(actual: Inspected, expected: Inspected): void {
  assert.ok(expected.digest !== undefined);
  assert.equal(actual.digest, expected.digest);
  assertSameConfig(actual, expected);
  assert.deepEqual(digests(actual), digests(expected));
}

/** The same config, so the same ID and uncompressed layers. */
function assertSameConfig(actual: Inspected, expected: Inspected): void {
  assert.equal(actual.config, expected.config);
  assert.deepEqual(
    actual.layers.map(({ diffId }) => diffId),
    expected.layers.map(({ diffId }) => diffId),
  );
}

const digests = ({ layers }: Inspected) => layers.map(({ digest }) => digest);

describe("skopeo", { skip: requires("skopeo", "busybox") }, () => {
  const scope = stacked({ after });
  let forms: Forms;

  before(async () => {
    forms = await startForms(scope);
  });

  const copy = (source: string, destination: string, ...options: string[]) =>
    mustRun(["skopeo", "copy", "--quiet", "--insecure-policy", ...options, source, destination]);

  it("takes a docker-archive and gives the same image back", async () => {
    const back = forms.fresh();
    await copy(`docker-archive:${forms.archive}`, `docker-archive:${back}:app:1`);
    assertSameConfig(await forms.images.inspect(`docker-archive:${back}`), forms.archived);
    // What it copies is checked to the last byte.
    await forms.images.varve(["validate", `docker-archive:${back}`]);
  });

  for (const compression of COMPRESSIONS) {
    it(`takes OCI layouts and archives (${compression}) and gives the same image back`, async () => {
      const [folder, file] = [forms.fresh(), forms.fresh()];
      // It would compress what isn't.
      const keep = "--preserve-digests";
      await copy(`oci:${forms.layout(compression)}:1`, `oci:${folder}:2`, keep);
      assertSame(await forms.images.inspect(`oci:${folder}:2`), forms.stored(compression));
      await copy(`oci-archive:${forms.layoutArchive(compression)}:1`, `oci-archive:${file}:2`, keep);
      assertSame(await forms.images.inspect(`oci-archive:${file}:2`), forms.stored(compression));
      for (const place of [`oci:${folder}:2`, `oci-archive:${file}:2`])
        await forms.images.varve(["validate", place]);
    });
  }
});

// Debian 12's umoci 0.4.7 reads no zstd: "blob is not correct mediatype".
describe("umoci", { skip: requires("umoci", "busybox") }, () => {
  const scope = stacked({ after });
  let forms: Forms;

  before(async () => {
    forms = await startForms(scope);
  });

  for (const compression of ["none", "gzip"] as const) {
    it(`unpacks an OCI layout (${compression}) and gives the same image back under another tag`, async () => {
      const layout = forms.layout(compression);
      assert.equal(await mustRun(["umoci", "ls", "--layout", layout]), "1\n");
      const bundle = forms.fresh();
      await mustRun(["umoci", "unpack", "--image", `${layout}:1`, bundle]);
      const store = join(forms.images.folder, "app-store");
      await mustRun(["diff", "--recursive", "--no-dereference", store, join(bundle, "rootfs", store)]);

      await mustRun(["umoci", "tag", "--image", `${layout}:1`, "other"]);
      await mustRun(["umoci", "gc", "--layout", layout]);
      assertSame(await forms.images.inspect(`oci:${layout}:other`), forms.stored(compression));
    });
  }
});

describe("podman", { skip: requires("podman", "busybox") }, () => {
  const scope = stacked({ after });
  let forms: Forms;
  let podman: Podman;

  before(async () => {
    forms = await startForms(scope);
    podman = await startPodman(scope, forms.images.folder);
  });

  // An image that is there already keeps the digest under which it came first.
  beforeEach(async () => {
    await podman("rmi", "--all", "--force");
  });

  it("loads a docker-archive and gives the same image back", async () => {
    const back = forms.fresh();
    await podman("load", "--quiet", "--input", forms.archive);
    await podman("save", "--quiet", "--format", "docker-archive", "--output", back, "localhost/app:1");
    assertSameConfig(await forms.images.inspect(`docker-archive:${back}`), forms.archived);
  });

  for (const compression of COMPRESSIONS) {
    it(`takes OCI layouts and archives (${compression}) under their digests and gives the same image back`, async () => {
      const { digest, config } = forms.stored(compression);
      // It makes a name of the path, which must be in lower case then.
      for (const place of [
        `oci:${basename(forms.layout(compression))}:1`,
        `oci-archive:${basename(forms.layoutArchive(compression))}:1`,
      ]) {
        const id = (await podman("pull", "--quiet", place)).trim();
        assert.equal(`sha256:${id}`, config);
        const inspected = await podman("image", "inspect", "--format", "{{.Digest}}", id);
        assert.equal(inspected.trim(), digest);
        // Its storage has layers unpacked, so they come back compressed anew.
        const back = forms.fresh();
        await podman("save", "--quiet", "--format", "oci-archive", "--output", back, id);
        assertSameConfig(await forms.images.inspect(`oci-archive:${back}`), forms.stored(compression));
        await podman("rmi", "--all", "--force");
      }
    });
  }
});

describe("containerd's ctr", { skip: requires("containerd", "busybox") }, () => {
  const scope = stacked({ after });
  let forms: Forms;
  let containerd: Containerd;

  before(async () => {
    forms = await startForms(scope);
    containerd = await startContainerd(scope);
  });

  it("imports a docker-archive and gives the same image back", async () => {
    const back = forms.fresh();
    await containerd.ctr("images", "import", "--snapshotter", "native", forms.archive);
    await containerd.ctr("images", "export", back, "docker.io/library/app:1");
    const exported = await forms.images.inspect(`oci-archive:${back}`);
    assertSameConfig(exported, forms.archived);
    assert.deepEqual(digests(exported), digests(forms.archived));
  });

  for (const compression of COMPRESSIONS) {
    it(`imports an OCI archive (${compression}), unpacks it and gives the same image back`, async () => {
      const back = forms.fresh();
      const base = `example.com/${compression}`;
      const file = forms.layoutArchive(compression);
      await containerd.ctr("images", "import", "--snapshotter", "native", "--base-name", base, file);
      await containerd.ctr("images", "export", back, `${base}:1`);
      assertSame(await forms.images.inspect(`oci-archive:${back}`), forms.stored(compression));
    });
  }
});

describe("the Docker Engine", { skip: requires("docker", "busybox") }, () => {
  const scope = stacked({ after });
  let forms: Forms;
  let docker: Dockerd;
  let env: Record<string, string>;

  before(async () => {
    forms = await startForms(scope);
    docker = await startDockerd(scope);
    env = { DOCKER_HOST: `unix://${docker.socket}` };
  });

  it("loads a docker-archive, runs it and gives the same image back", async () => {
    await docker.load(forms.archive);
    assert.equal(await docker.output("app:1"), "Hello from app\n");
    const back = forms.fresh();
    const { code, stderr } = await docker.docker(["save", "--output", back, "app:1"]);
    assert.equal(code, 0, stderr);
    assertSameConfig(await forms.images.inspect(`docker-archive:${back}`), forms.archived);
  });

  for (const compression of COMPRESSIONS) {
    it(`takes an OCI layout (${compression}) from varve and gives the same image back to it`, async () => {
      const { images } = forms;
      const [name, place] = [`from-${compression}:1`, `oci:${forms.layout(compression)}:1`];
      await images.varve(["copy", "--quiet", place, `docker-daemon:${name}`], { env });
      assert.equal((await docker.inspect(name)).Id, forms.stored(compression).config);
      assert.equal(await docker.output(name), "Hello from app\n");
      const back = forms.fresh();
      // Made by the same compressor of the same layers, so the manifest is the same, too.
      const how = ["--quiet", "--compression", compression];
      await images.varve(["copy", ...how, `docker-daemon:${name}`, `oci:${back}:1`], { env });
      assertSame(await images.inspect(`oci:${back}:1`), forms.stored(compression));
    });
  }

  it("is loaded into under the image's own names by varve load and varve build --load", async () => {
    const { images } = forms;
    await images.varve(["load", "--quiet", forms.archive], { env });
    assert.equal((await docker.inspect("app:1")).Id, forms.archived.config);
    const spec = await images.spec({ name: "built", sizes: [1000] });
    await images.varve(["build", "--quiet", spec, "--load"], { env });
    assert.equal(await docker.output("built:1"), "Hello from built\n");
  });

  it("tells varve why there is no image, and varve tells when there is no daemon", async () => {
    const place = "docker-daemon:nothing:1";
    const why = await forms.images.failure(["inspect", place], { env });
    assert.match(why, /^Error: the Docker daemon could not save nothing:1: /);
    const nowhere = { DOCKER_HOST: `unix://${forms.fresh()}` };
    assert.match(
      await forms.images.failure(["inspect", place], { env: nowhere }),
      /start it, or set DOCKER_HOST/,
    );
  });
});

describe("a registry between varve and the others", {
  skip: requires("registry", "skopeo", "docker", "podman", "containerd", "busybox"),
}, () => {
  const scope = stacked({ after });
  let forms: Forms;
  let registry: Registry;
  let docker: Dockerd;
  let podman: Podman;
  let containerd: Containerd;

  before(async () => {
    forms = await startForms(scope);
    registry = await startRegistry(scope);
    [docker, podman, containerd] = await Promise.all([
      startDockerd(scope),
      startPodman(scope, forms.images.folder),
      startContainerd(scope),
    ]);
  });

  for (const compression of COMPRESSIONS) {
    it(`keeps an image (${compression}) as it is, for varve, skopeo, podman and ctr`, async () => {
      const { images } = forms;
      const stored = forms.stored(compression);
      const name = `${registry.host}/app/${compression}:1`;
      const how = ["--quiet", "--compression", compression];
      await images.varve(["push", ...how, `oci:${forms.layout(compression)}:1`, name]);
      assertSame(await images.inspect(`docker://${name}`), stored);
      await images.varve(["validate", `docker://${name}`]);

      const [pulled, copied] = [forms.fresh(), forms.fresh()];
      await images.varve(["pull", ...how, name, `oci:${pulled}:1`]);
      assertSame(await images.inspect(`oci:${pulled}:1`), stored);
      const options = ["--quiet", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false"];
      await mustRun(["skopeo", "copy", ...options, `docker://${name}`, `oci:${copied}:1`]);
      assertSame(await images.inspect(`oci:${copied}:1`), stored);

      const id = (await podman("pull", "--quiet", "--tls-verify=false", name)).trim();
      assert.equal(`sha256:${id}`, stored.config);
      await podman("rmi", "--all", "--force");
      await containerd.ctr("images", "pull", "--plain-http", "--snapshotter", "native", name);
      assert.match(await containerd.ctr("images", "ls", `name==${name}`), new RegExp(stored.digest!));
    });
  }

  // Debian 12's dockerd 20.10 takes zstd layers for tar archives: "invalid tar header".
  for (const compression of ["none", "gzip"] as const) {
    it(`gives the Docker Engine an image (${compression}) that varve compressed on its way`, async () => {
      const name = `${registry.host}/docker/${compression}:1`;
      await forms.images.varve(["push", "--quiet", "--compression", compression, forms.archive, name]);
      const { code, stderr } = await docker.docker(["pull", "--quiet", name]);
      assert.equal(code, 0, stderr);
      assert.equal((await docker.inspect(name)).Id, forms.archived.config);
      assert.equal(await docker.output(name), "Hello from app\n");
      assert.equal((await docker.docker(["rmi", name])).code, 0);
    });
  }
});
