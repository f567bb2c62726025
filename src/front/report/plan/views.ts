/** The groupings that the page shows, one or two at a time: the plan, other strategies' plans, and existing images. */
import type { ReferencesGraph } from "#graph";
import { versionOf } from "#layering";
import { shown } from "#util";
import type { ImageLayer } from "./against.ts";
import { touchedShare } from "./names.ts";
import type { Grouping, PlanReport, Touched } from "./report.ts";

/** A component, of the graph or of an image. */
export interface PagePiece {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  /** Bytes of the layer's tar; null if it isn't in the graph. */
  readonly size: number | null;
  /** The pieces it refers to, by their place in the list; null if it isn't in the graph. */
  readonly refs: readonly number[] | null;
}

export interface PageLayer {
  readonly number: number;
  readonly size: number;
  /** How many updates touch it, from 0 to 1; null if that isn't known. */
  readonly touched: number | null;
  /** The same in words, such as `12% of updates`. */
  readonly share: string | null;
  /** Whether some of a Node project's own code is in it. */
  readonly isCode: boolean;
  /** The first units that do, and how many there are. */
  readonly by: readonly string[];
  readonly units: number;
  /** Places in the list of pieces. */
  readonly pieces: readonly number[];
}

export interface PageView {
  readonly name: string;
  readonly kind: "strategy" | "image";
  /** Bytes an update sends again, on average; null if that isn't known. */
  readonly resent: number | null;
  readonly layers: readonly PageLayer[];
}

export interface PageData {
  readonly pieces: readonly PagePiece[];
  readonly views: readonly PageView[];
}

/** How many units are named of those that touch a layer. */
const NAMED_UNITS = 12;

/** An existing image. */
export interface PageImage {
  readonly place: string;
  readonly layers: readonly ImageLayer[];
}

/** All pieces, each once, and the views of them: the plan first. */
export function pageData(
  report: PlanReport,
  { graph, images }: { graph: ReferencesGraph; images: readonly PageImage[] },
): PageData {
  const ids = [...graph.components.keys()];
  const placeOf = new Map(ids.map((id, place) => [id, place]));
  const described = new Map(
    [report.plan, ...report.others]
      .flatMap(({ layers }) => layers)
      .flatMap(({ components }) => components)
      .map((component) => [component.id, component]),
  );
  const pieces: PagePiece[] = ids.map((id) => {
    const component = graph.components.get(id)!;
    const { key = id, name = id, size = 0 } = described.get(id) ?? {};
    const refs = component.references.map((reference) => placeOf.get(reference)!);
    return { key: shown(key), name: shown(name), version: versionOf(component), size, refs };
  });
  const strategies = [report.plan, ...report.others].map((grouping) => strategyView(grouping, placeOf));
  return { pieces, views: [...strategies, ...imageViews(images, { graph, placeOf, pieces, report })] };
}

function strategyView({ name, layers, resent }: Grouping, placeOf: ReadonlyMap<string, number>): PageView {
  return {
    name,
    kind: "strategy",
    resent,
    layers: layers.map(({ number, size, components, touched }) => ({
      number,
      size,
      ...touching(touched),
      pieces: components.map(({ id }) => placeOf.get(id)!),
    })),
  };
}

/** What is known of how a layer is touched. */
function touching(
  touched: Touched | undefined,
): Pick<PageLayer, "touched" | "share" | "isCode" | "by" | "units"> {
  if (touched === undefined) return { touched: null, share: null, isCode: false, by: [], units: 0 };
  const by = touched.by.slice(0, NAMED_UNITS).map((name) => shown(name));
  const { share, of } = touched;
  return {
    touched: share,
    share: touchedShare(touched),
    isCode: of === "code",
    by,
    units: touched.by.length,
  };
}

interface Known {
  readonly graph: ReferencesGraph;
  readonly placeOf: ReadonlyMap<string, number>;
  /** Components that images have and the graph doesn't are added to it. */
  readonly pieces: PagePiece[];
  readonly report: PlanReport;
}

function imageViews(images: readonly PageImage[], { graph, placeOf, pieces, report }: Known): PageView[] {
  // A component that is in several images is one piece.
  const others = new Map<string, number>();
  const pieceOf = ({ id, key, version, name }: ImageLayer["components"][number]): number => {
    const place = placeOf.get(id);
    if (place !== undefined && versionOf(graph.components.get(id)!) === version) return place;
    const identity = JSON.stringify([key, version, id]);
    const known = others.get(identity);
    if (known !== undefined) return known;
    others.set(identity, pieces.length);
    return pieces.push({ key: shown(key), name: shown(name), version, size: null, refs: null }) - 1;
  };
  const planned = new Map(
    report.plan.layers.map((layer) => [layer.components.map(({ id }) => id).join("\n"), layer]),
  );
  return images.map(({ place, layers }) => ({
    name: shown(place),
    kind: "image",
    resent: null,
    layers: layers.map(({ size, components }, at) => {
      const same = planned.get(components.map(({ id }) => id).join("\n"));
      return {
        number: at + 1,
        size,
        ...touching(same?.touched),
        pieces: components.map(pieceOf),
      };
    }),
  }));
}
