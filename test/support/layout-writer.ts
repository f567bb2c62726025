/**
 * A program that writes images into a layout, one after the other, and says on stdout when it begins with each and when
 * it has ended: `layout-writer.ts LAYOUT TAG COUNT SIZE`. Image N has the tag `TAG-N` and three layers of SIZE bytes.
 */
import { ociLayoutSink } from "#formats";
import { writeImage } from "#write";
import { draftWith } from "./drafts.ts";

const [path = "", tag = "", count = "1", size = "1000"] = process.argv.slice(2);
for (let number = 0; number < Number(count); number++) {
  process.stdout.write("begins\n");
  const draft = draftWith([`${tag}-${number}`, "shared", `${tag}`], Number(size));
  await writeImage(draft, [ociLayoutSink({ path, tag: `${tag}-${number}` })]);
}
process.stdout.write("ends\n");
