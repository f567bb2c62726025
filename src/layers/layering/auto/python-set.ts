/**
 * The order in which CPython (3.11 and later, 64 bits) walks a set of frozen sets of strings, with `PYTHONHASHSEED=0`, which
 * nixpkgs' Python has in every build. nixpkgs' planner leaves equals in that order, so to plan as it does is to know it.
 *
 * It follows from hashes: SipHash-1-3 of a string, a sum of these for a frozen set, and the place in a table of open addresses
 * that the hash of a member leads to.
 */

const ALL = (1n << 64n) - 1n;

/** How many places in a row are tried before the next jump. */
const IN_A_ROW = 9;

/** A set of more members than this grows more slowly. */
const MANY = 50_000;

/** The numbers of `sets`, which are all different, in the order of a set to which they were added one after another. */
export function orderOfSets(sets: readonly (readonly string[])[]): number[] {
  const hashes = new Map<string, bigint>();
  const hashOf = (text: string): bigint => {
    const hash = hashes.get(text) ?? hashOfText(text);
    hashes.set(text, hash);
    return hash;
  };
  return walk(sets.map((members) => hashOfSet(members.map(hashOf))));
}

/** Adds members of these hashes to an empty set; their numbers in the order in which it is walked. */
function walk(hashes: readonly bigint[]): number[] {
  let table = new Array<number | undefined>(8);
  const put = (member: number): void => {
    table[freePlace(table, hashes[member]!)] = member;
  };
  for (let member = 0; member < hashes.length; member++) {
    put(member);
    const used = member + 1;
    // It is never fuller than three fifths.
    if (used * 5 < (table.length - 1) * 3) continue;
    const old = table;
    const atLeast = used > MANY ? used * 2 : used * 4;
    let length = 8;
    while (length <= atLeast) length *= 2;
    table = new Array<number | undefined>(length);
    for (const moved of old) if (moved !== undefined) put(moved);
  }
  return table.filter((member) => member !== undefined);
}

function freePlace(table: readonly (number | undefined)[], hash: bigint): number {
  const mask = table.length - 1;
  let rest = hash;
  let place = Number(hash & BigInt(mask));
  for (;;) {
    const last = place + IN_A_ROW <= mask ? place + IN_A_ROW : place;
    for (let at = place; at <= last; at++) if (table[at] === undefined) return at;
    rest >>= 5n;
    place = Number((BigInt(place) * 5n + 1n + rest) & BigInt(mask));
  }
}

/** Of a frozen set whose members have these hashes. */
function hashOfSet(hashes: readonly bigint[]): bigint {
  const shuffled = (hash: bigint): bigint => ((hash ^ 89869747n ^ (hash << 16n)) * 3644798167n) & ALL;
  const length = BigInt(hashes.length);
  let sum = hashes.reduce((all, hash) => all ^ shuffled(hash), 0n) ^ (((length + 1n) * 1927868237n) & ALL);
  sum ^= (sum >> 11n) ^ (sum >> 25n);
  sum = (sum * 69069n + 907133923n) & ALL;
  return sum === ALL ? 590923713n : sum;
}

function hashOfText(text: string): bigint {
  if (text === "") return 0n;
  const hash = sipHash13(Buffer.from(text));
  return hash === ALL ? ALL - 1n : hash;
}

/** With a key of zeros. */
function sipHash13(bytes: Buffer): bigint {
  let [a, b, c, d] = [0x736f6d6570736575n, 0x646f72616e646f6dn, 0x6c7967656e657261n, 0x7465646279746573n];
  const turn = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & ALL;
  const round = (): void => {
    a = (a + b) & ALL;
    c = (c + d) & ALL;
    b = turn(b, 13n) ^ a;
    d = turn(d, 16n) ^ c;
    a = (turn(a, 32n) + d) & ALL;
    c = (c + b) & ALL;
    d = turn(d, 21n) ^ a;
    b = turn(b, 17n) ^ c;
    c = turn(c, 32n);
  };
  // The last word has what is left over, and the length in its highest byte.
  const words = Buffer.alloc((Math.floor(bytes.length / 8) + 1) * 8);
  bytes.copy(words);
  words[words.length - 1] = bytes.length & 255;
  for (let at = 0; at < words.length; at += 8) {
    const word = words.readBigUInt64LE(at);
    d ^= word;
    round();
    a ^= word;
  }
  c ^= 255n;
  for (let last = 0; last < 3; last++) round();
  return a ^ b ^ c ^ d;
}
