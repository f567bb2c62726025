/** zstd as WebAssembly: its bytes stay what they are when Node.js gets another zstd. */
type Compress = (bytes: Uint8Array, level: number) => Uint8Array;

/** The package and its version, which `package.json` pins exactly; a test holds it to its bytes. */
export const PINNED_LIBRARY = "zstd-wasm 0.0.27";

let loading: Promise<Compress> | undefined;

/** The compressor, which makes one frame (RFC 8878) of what it gets. It is loaded when it is first asked for. */
export function pinnedZstd(): Promise<Compress> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Compress> {
  const { compress, init } = await import("@bokuweb/zstd-wasm");
  await init();
  return compress;
}
