import { writeTree } from "./tree.ts";

/** Makes an installed npm project at `folder`, which must not exist; `dep` refers to `base`, and the project to both. */
export function writeProject(folder: string): void {
  const packages = {
    "node_modules/base": { version: "1.0.0" },
    "node_modules/dep": { version: "2.0.0", dependencies: { base: "^1" } },
  };
  const own = { name: "project", version: "0.1.0", dependencies: { base: "1", dep: "2" } };
  const json = (value: unknown) => ({ file: JSON.stringify(value) });
  writeTree(folder, {
    dir: {
      "index.js": { file: "the project" },
      node_modules: {
        dir: {
          ".package-lock.json": json({ lockfileVersion: 3, packages }),
          base: { dir: { "package.json": json({ name: "base", version: "1.0.0" }), "a.js": { file: "a" } } },
          dep: {
            dir: {
              "package.json": json({ name: "dep", version: "2.0.0" }),
              "run.js": { file: "run", mode: 0o755 },
            },
          },
        },
      },
      "package.json": json(own),
      "package-lock.json": json({ lockfileVersion: 3, packages: { "": own, ...packages } }),
    },
  });
}
