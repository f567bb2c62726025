import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";

/** Puts the texts of the sandbox's shell files into the module that reads them, since what is bundled has no such files beside it. */
export const embeddedShell: Plugin = {
  name: "embedded-shell",
  setup: ({ onLoad }) => {
    onLoad({ filter: /[/\\]setup\.ts$/ }, ({ path }) => {
      const reading = /readFileSync\(new URL\("(.*?)", import\.meta\.url\), "utf8"\)/g;
      const contents = readFileSync(path, "utf8").replace(reading, (_, name: string) =>
        JSON.stringify(readFileSync(join(dirname(path), name), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};
