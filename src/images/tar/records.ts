/** Pax extended headers: POSIX.1-2017 pax, "pax Extended Header". */
import { VarveError } from "#errors";
import { asBuffer, decodeName } from "#util";
import { SPARSE_LENGTH, SPARSE_MAP, SPARSE_OFFSET } from "./sparse.ts";

/** Records that are names, which end at a NUL for some readers. */
const NAMES: ReadonlySet<string> = new Set(["path", "linkpath", "uname", "gname"]);

/**
 * The records of a pax extended header: `LENGTH KEY=VALUE\n`, the length counting all of it.
 * @param what names the archive in errors
 * @throws VarveError `INVALID_TAR`
 */
export function decodeRecords(payload: Uint8Array, what: string): Map<string, string> {
  const bytes = asBuffer(payload);
  const records = new Map<string, string>();
  const pieces: string[] = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(0x20, at);
    const digits = bytes.toString("latin1", at, Math.max(at, Math.min(space, at + 10)));
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, space);
    const sound = /^[0-9]+$/.test(digits) && end <= bytes.length && equals > space && equals < end;
    if (!sound || bytes[end - 1] !== 0x0a) throw malformedRecord(what);
    const key = decodeName(bytes.subarray(space + 1, equals));
    const value = decodeName(bytes.subarray(equals + 1, end - 1));
    // Readers differ in what these are, so an archive that has them may mean two things.
    const doubtful = /^(?:$|\s)/.test(key) || (NAMES.has(key) && value.includes("\0"));
    if (doubtful || (key === "size" && !/^[0-9]{1,15}$/.test(value))) throw malformedRecord(what);
    if (key === SPARSE_OFFSET || key === SPARSE_LENGTH) {
      if ((pieces.length % 2 === 0) !== (key === SPARSE_OFFSET)) throw malformedRecord(what);
      pieces.push(value);
    }
    records.set(key, value);
    at = end;
  }
  // Form 0.0 has two records for each piece of a sparse file, form 0.1 has them all in one.
  if (pieces.length > 0) records.set(SPARSE_MAP, pieces.join(","));
  // Python takes this record first, wherever it is, and writes it first.
  const charset = records.get("hdrcharset");
  return charset === undefined ? records : new Map([["hdrcharset", charset], ...records]);
}

function malformedRecord(what: string): VarveError {
  return new VarveError("INVALID_TAR", `${what} has a malformed pax record`);
}
