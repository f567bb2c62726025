/** Lock files: what keeps layouts from build to build, of one image or of several that share layers. */
import * as z from "zod";
import { checkSchema, parseJson } from "#util";
import { formatLayout, type Layout, layoutIn, layoutLines, MAX_LAYOUT_BYTES, parseLayout } from "./layout.ts";

/** What is in a lock file. */
export class Lock {
  /** By the images' names; one without a name is whichever asks for it. */
  readonly #images: ReadonlyMap<string | undefined, Layout>;

  constructor(images: ReadonlyMap<string | undefined, Layout>) {
    this.#images = images;
  }

  /** Whether it has the layout of one image, whichever that is. */
  get isOfOne(): boolean {
    return this.#images.has(undefined);
  }

  /** The layout of an image; undefined if there is none yet. */
  layoutOf(name: string): Layout | undefined {
    return this.#images.get(undefined) ?? this.#images.get(name);
  }

  /** The layouts of several images, by the images' names; none in a file of one. */
  named(): ReadonlyMap<string, Layout> {
    return this.isOfOne ? new Map() : (this.#images as ReadonlyMap<string, Layout>);
  }

  layouts(): Layout[] {
    return [...this.#images.values()];
  }

  /** The layouts of other images than this one. */
  othersThan(name: string): Layout[] {
    return [...this.#images].flatMap(([other, layout]) =>
      other === undefined || other === name ? [] : [layout],
    );
  }

  /** The file's text once images have other layouts. One that is about one image stays so, and takes one. */
  with(layouts: ReadonlyMap<string, Layout>): string {
    const [only] = layouts.values();
    if (this.isOfOne) return formatLayout(only!);
    return formatLock(new Map([...(this.#images as ReadonlyMap<string, Layout>), ...layouts]));
  }
}

const schema = z.strictObject({
  version: z.literal(3),
  images: z.record(z.string(), z.array(z.record(z.string(), z.string()))),
});

/** The text of a lock file for several images, in the order of their names; each layer has its own line, which suits version control. */
export function formatLock(images: ReadonlyMap<string, Layout>): string {
  const names = [...images.keys()].sort();
  const parts = names.map((name) => {
    const lines = layoutLines(images.get(name)!, "      ");
    return `    ${JSON.stringify(name)}: [${lines === "" ? "" : `\n${lines}\n    `}]`;
  });
  return `{\n  "version": 3,\n  "images": {\n${parts.join(",\n")}\n  }\n}\n`;
}

/**
 * Reads a lock file, of one image or of several.
 * @param what - names the text in messages, such as a file's path
 * @throws VarveError `INVALID_LAYOUT`, `INVALID_JSON` or `TOO_LARGE`
 */
export function parseLock(bytes: Uint8Array, what: string): Lock {
  const value = parseJson(bytes, { what, maxBytes: MAX_LAYOUT_BYTES });
  const isOfSeveral = typeof value === "object" && value !== null && "images" in value;
  if (!isOfSeveral) return new Lock(new Map([[undefined, parseLayout(bytes, what)]]));
  const { images } = checkSchema(schema, value, { code: "INVALID_LAYOUT", what });
  return new Lock(
    new Map(Object.entries(images).map(([name, layers]) => [name, layoutIn(layers, `${what}, of ${name},`)])),
  );
}
