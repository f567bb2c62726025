/**
 * Has what is built take names from the files that define them, and not from the doors of their rooms (`index.ts`), which would
 * run all that is in a room for one name of it: half of what a command loads it has no use for.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Plugin } from "esbuild";

const FROM_ROOM = /^import (?!type )\{([^}]*)\} from "(#[a-z-]+)";$/gm;
const EXPORT = /^export (type )?\{([^}]*)\} from "(\.\/[^"]+)";$/gm;

/** Where each name that a room's door has is defined, and what it is called there. */
type Door = ReadonlyMap<string, { readonly file: string; readonly name: string }>;

/** @param root the folder of the package that has the rooms among its `imports` */
export function pastDoors(root: string): Plugin {
  const { imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly imports: Readonly<Record<string, string>>;
  };
  const doors = new Map<string, Door>();
  for (const [room, path] of Object.entries(imports)) {
    if (path.endsWith("/index.ts")) doors.set(room, readDoor(resolve(root, path)));
  }
  return {
    name: "past-doors",
    setup: ({ onLoad }) => {
      onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => ({
        contents: readFileSync(path, "utf8").replace(FROM_ROOM, (whole, names: string, room: string) => {
          const door = doors.get(room);
          return door === undefined
            ? whole
            : namesOf(names)
                .map((name) => importOf(name, door))
                .join(" ");
        }),
        loader: "ts",
      }));
    },
  };
}

function readDoor(path: string): Door {
  const names = [...readFileSync(path, "utf8").matchAll(EXPORT)].flatMap(([, type, list, from]) =>
    type === undefined
      ? namesOf(list!).map(({ from: name, to }) => [to, { file: join(dirname(path), from!), name }] as const)
      : [],
  );
  return new Map(names);
}

/** What a list in braces takes, without its types: `a, type B, c as d`. */
function namesOf(list: string): { readonly from: string; readonly to: string }[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "" && !word.startsWith("type "))
    .map((word) => word.split(" as ") as [string, string?])
    .map(([from, to = from]) => ({ from, to }));
}

function importOf({ from, to }: { readonly from: string; readonly to: string }, door: Door): string {
  const defined = door.get(from);
  if (defined === undefined) throw new Error(`a room's door has no ${from}`);
  return `import { ${defined.name} as ${to} } from ${JSON.stringify(defined.file)};`;
}
