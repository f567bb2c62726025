/** How ecosystems order versions. */

/** Negative if the first is older, positive if it is newer, 0 if neither. */
export type CompareVersions = (a: string, b: string) => number;

/** Semantic Versioning 2.0.0, section 11; what isn't such a version is read as far as it goes. */
export function compareSemver(a: string, b: string): number {
  const [first, second] = [semverParts(a), semverParts(b)];
  for (const at of [0, 1, 2]) {
    const order = (first.numbers[at] ?? 0) - (second.numbers[at] ?? 0);
    if (order !== 0) return order;
  }
  // A version without a label is newer than those with one.
  if (first.labels.length === 0 || second.labels.length === 0)
    return second.labels.length - first.labels.length;
  for (let at = 0; at < Math.max(first.labels.length, second.labels.length); at++) {
    const [x, y] = [first.labels[at], second.labels[at]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const [isX, isY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    const order = isX && isY ? Number(x) - Number(y) : isX !== isY ? (isX ? -1 : 1) : textOrder(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

function semverParts(version: string): { numbers: number[]; labels: string[] } {
  const [, core = "", label = ""] = /^[v=\s]*([\d.]*)(?:-?([^+]*))?/.exec(version) ?? [];
  return {
    numbers: core.split(".").map(Number),
    labels: label === "" ? [] : label.split("."),
  };
}

function textOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Debian's: deb-version(7), "Sorting algorithm". */
export function compareDebian(a: string, b: string): number {
  const [first, second] = [debianParts(a), debianParts(b)];
  return (
    first.epoch - second.epoch ||
    debianOrder(first.upstream, second.upstream) ||
    debianOrder(first.revision, second.revision)
  );
}

function debianParts(version: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch = "0", rest = ""] = /^\s*(?:(\d+):)?(.*?)\s*$/.exec(version) ?? [];
  const dash = rest.lastIndexOf("-");
  const upstream = dash < 0 ? rest : rest.slice(0, dash);
  return { epoch: Number(epoch), upstream, revision: dash < 0 ? "0" : rest.slice(dash + 1) };
}

/** Parts that aren't digits and parts that are, one after the other. */
function debianOrder(a: string, b: string): number {
  let [restA, restB] = [a, b];
  while (restA !== "" || restB !== "") {
    const [textA, textB] = [/^\D*/.exec(restA)![0], /^\D*/.exec(restB)![0]];
    for (let at = 0; at < Math.max(textA.length, textB.length); at++) {
      const order = debianRank(textA[at]) - debianRank(textB[at]);
      if (order !== 0) return order;
    }
    [restA, restB] = [restA.slice(textA.length), restB.slice(textB.length)];
    const [digitsA, digitsB] = [/^\d*/.exec(restA)![0], /^\d*/.exec(restB)![0]];
    const order = compareNumbers(digitsA, digitsB);
    if (order !== 0) return order;
    [restA, restB] = [restA.slice(digitsA.length), restB.slice(digitsB.length)];
  }
  return 0;
}

/** A tilde comes before the end, which comes before letters, and these before all else. */
function debianRank(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === "~") return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 0x1_0000;
}

/** Numbers of any length. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return x.length - y.length || textOrder(x, y);
}

/** Before and after a version without a suffix: apk-package(5), "VERSION". */
const BEFORE = ["alpha", "beta", "pre", "rc"];
const AFTER = ["cvs", "svn", "git", "hg", "p"];

/** Alpine's: apk-package(5). A version that isn't one is older than any. */
export function compareAlpine(a: string, b: string): number {
  const [first, second] = [alpineParts(a), alpineParts(b)];
  if (first === undefined || second === undefined) {
    return (first === undefined ? 0 : 1) - (second === undefined ? 0 : 1) || textOrder(a, b);
  }
  for (let at = 0; at < Math.max(first.numbers.length, second.numbers.length); at++) {
    const [x, y] = [first.numbers[at], second.numbers[at]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    // Behind the first one, numbers with a zero in front are fractions.
    const isFraction = at > 0 && (x.startsWith("0") || y.startsWith("0"));
    const order = isFraction ? textOrder(x, y) : compareNumbers(x, y);
    if (order !== 0) return order;
  }
  const letters = textOrder(first.letter, second.letter);
  if (letters !== 0) return letters;
  for (let at = 0; at < Math.max(first.suffixes.length, second.suffixes.length); at++) {
    const [rankA, numberA] = first.suffixes[at] ?? NO_SUFFIX;
    const [rankB, numberB] = second.suffixes[at] ?? NO_SUFFIX;
    const order = rankA - rankB || compareNumbers(numberA, numberB);
    if (order !== 0) return order;
  }
  return compareNumbers(first.build, second.build);
}

const NO_SUFFIX: readonly [number, string] = [0, "0"];

const ALPINE = /^(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/;

function alpineParts(version: string) {
  const [, numbers, letter = "", suffixes = "", build = "0"] = ALPINE.exec(version) ?? [];
  if (numbers === undefined) return undefined;
  const ranked = [...suffixes.matchAll(/_([a-z]+)(\d*)/g)].map(([, name, number]): [number, string] => {
    const before = BEFORE.indexOf(name!);
    return [before < 0 ? AFTER.indexOf(name!) + 1 : before - BEFORE.length, number || "0"];
  });
  return { numbers: numbers.split("."), letter, suffixes: ranked, build };
}
