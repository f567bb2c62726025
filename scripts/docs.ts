/** Writes the generated pages: docs/cli.md from the commands' own help, docs/spec.md from the spec's schema, docs/api.md from comments. */
import { writeFileSync } from "node:fs";
import { apiPage } from "./api-page.ts";
import { readPublicApi } from "./declarations.ts";
import { cliPage, GENERATED, specPage } from "./docs-pages.ts";
import { specInputSource } from "./spec-input.ts";

writeFileSync(new URL("../docs/cli.md", import.meta.url), await cliPage());
writeFileSync(new URL("../docs/spec.md", import.meta.url), specPage());
writeFileSync(new URL("../src/sources/spec/input.ts", import.meta.url), specInputSource());
writeFileSync(new URL("../docs/api.md", import.meta.url), apiPage(readPublicApi(), GENERATED));
