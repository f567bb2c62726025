import { VarveError } from "#errors";
import { algorithmOf, type Descriptor, Digester } from "#oci";

/**
 * Passes bytes on and checks that they are those the descriptor describes: OCI image specification, descriptor.md,
 * "Verification". More bytes than announced stop it at once; the digest is compared at the end.
 * @param what names the bytes in errors
 * @throws VarveError `SIZE_MISMATCH`, `DIGEST_MISMATCH`
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected: Pick<Descriptor, "digest" | "size">,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const digester = new Digester(algorithmOf(expected.digest));
  for await (const chunk of chunks) {
    digester.update(chunk);
    if (digester.size > expected.size) throw wrongSize(what, expected.size, "more");
    yield chunk;
  }
  if (digester.size < expected.size) throw wrongSize(what, expected.size, `only ${digester.size}`);
  const actual = digester.digest();
  if (actual !== expected.digest) {
    throw new VarveError(
      "DIGEST_MISMATCH",
      `${what} should have the digest ${expected.digest}, but has ${actual}`,
    );
  }
}

function wrongSize(what: string, expected: number, actual: string): VarveError {
  return new VarveError("SIZE_MISMATCH", `${what} should have ${expected} bytes, but has ${actual}`);
}
