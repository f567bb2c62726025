/**
 * Has what is built take Node's own modules with `process.getBuiltinModule` instead of importing them: an import makes a
 * module of all that there is in one, and by that loads what nobody has asked for (the web's streams, its cryptography,
 * its fetch). That is 30 ms for every command, and for every thread.
 */
import { builtinModules } from "node:module";
import type { Plugin } from "esbuild";

/** What only few need takes time to load: these modules' functions load them when they are called. */
const LOADED_WHEN_CALLED = new Set(["node:child_process", "node:fs/promises", "node:readline/promises"]);

const NAME = /^[A-Za-z_$][\w$]*$/;

export const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) => {
      if (!builtinModules.includes(path.slice("node:".length))) return { external: true };
      if (kind === "require-call") return { path, namespace: "required" };
      // What is loaded when it is called may have all of it.
      return kind === "import-statement"
        ? { path, namespace: "builtin", sideEffects: false }
        : { external: true };
    });
    // A module has no `require`.
    onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => {
      const taken = `process.getBuiltinModule(${JSON.stringify(path)})`;
      const later = `new Proxy({}, { get: (_, name) => ${taken}[name] })`;
      return {
        contents: `module.exports = ${LOADED_WHEN_CALLED.has(path) ? later : taken};`,
        loader: "js",
      };
    });
    onLoad({ filter: /.*/, namespace: "builtin" }, async ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter(
        (name) => NAME.test(name) && name !== "default",
      );
      if (LOADED_WHEN_CALLED.has(path)) {
        const calling = names.map(
          (name) =>
            `export const ${name} = (...args) => process.getBuiltinModule(${JSON.stringify(path)}).${name}(...args);`,
        );
        return { contents: calling.join("\n"), loader: "js" };
      }
      // Each name by itself, so that only those that somebody imports are there.
      const lines = names.map((name, at) => `const n${at} = /* @__PURE__ */ take(${JSON.stringify(name)});`);
      return {
        contents: [
          `const module = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)});`,
          "const take = (name) => module[name];",
          ...lines,
          `export { module as default, ${names.map((name, at) => `n${at} as ${name}`).join(", ")} };`,
        ].join("\n"),
        loader: "js",
      };
    });
  },
};
