/** What is told of several images that are planned together: what they share, and what a registry holds of them. */
import { versionOf } from "#layering";
import type { ImagePlan } from "#plan";
import { shown } from "#util";
import { formatBytes, table } from "../table.ts";
import { counted } from "./names.ts";
import type { PlanReport } from "./report.ts";

/** One of several images. Sizes are bytes of layers' tars; bases and what is in the root aren't counted. */
export interface FleetImage {
  /** Its name; for a graph that of its file. */
  readonly image: string;
  readonly layers: number;
  readonly size: number;
  /** Layers that other images of these have, too. */
  readonly shared: { readonly layers: number; readonly bytes: number };
  /** What a registry has to store for it that has those before it. */
  readonly added: number;
}

/** Several images in one registry. Sizes are bytes. */
export interface FleetReport {
  readonly images: readonly FleetImage[];
  /** Of all images, each by itself. */
  readonly size: number;
  /** What a registry holds, which stores equal layers once. */
  readonly held: number;
  /** What it would hold with one component a layer: each once. */
  readonly least: number;
}

interface Planned {
  readonly plan: ImagePlan;
  readonly report: PlanReport;
  readonly name: string;
}

export function reportFleet(planned: readonly Planned[]): FleetReport {
  const all = planned.map(({ plan, report }, image) => {
    // What may change without a sign is no other image's.
    const identity = (id: string): string => {
      const version = versionOf(plan.graph.components.get(id)!);
      return JSON.stringify(version === "" ? [image, id] : [id, version]);
    };
    return report.plan.layers.map(({ size, components }) => {
      const parts = components.map(({ id, size }) => ({ part: identity(id), size }));
      return { size, parts, layer: JSON.stringify(parts.map(({ part }) => part)) };
    });
  });
  const holders = Map.groupBy(
    all.flatMap((layers, image) => layers.map(({ layer }) => ({ layer, image }))),
    ({ layer }) => layer,
  );
  const isShared = ({ layer }: { readonly layer: string }) =>
    new Set(holders.get(layer)!.map(({ image }) => image)).size > 1;
  const stored = new Set<string>();
  const images = all.map((layers, at): FleetImage => {
    const shared = layers.filter(isShared);
    const added = layers.filter(({ layer }) => !stored.has(layer));
    for (const { layer } of added) stored.add(layer);
    return {
      image: planned[at]!.name,
      layers: layers.length,
      size: sum(layers),
      shared: { layers: shared.length, bytes: sum(shared) },
      added: sum(added),
    };
  });
  const parts = new Map(all.flat().flatMap(({ parts }) => parts.map(({ part, size }) => [part, { size }])));
  return {
    images,
    size: sum(images),
    held: images.reduce((total, { added }) => total + added, 0),
    least: sum([...parts.values()]),
  };
}

function sum(sizes: readonly { readonly size: number }[]): number {
  return sizes.reduce((total, { size }) => total + size, 0);
}

/** A fleet's report in words and a table. */
export function fleetText({ images, size, held, least }: FleetReport): string {
  const times =
    least === 0 ? "" : `, ${(held / least).toFixed(2)} times what is in them (${formatBytes(least)})`;
  const rows = images.map(({ image, layers, size, shared, added }) => [
    shown(image),
    String(layers),
    formatBytes(size),
    String(shared.layers),
    formatBytes(shared.bytes),
    formatBytes(added),
  ]);
  const headings = ["IMAGE", "LAYERS", "SIZE", "SHARED", "BYTES", "ADDED"];
  return [
    `Fleet:   ${counted(images.length, "image")}, ${formatBytes(size)}: a registry holds ${formatBytes(held)}${times}`,
    "",
    table(headings, rows, ["left", "right", "right", "right", "right", "right"]),
    "",
  ].join("\n");
}
