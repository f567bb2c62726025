export { bodyOf, FakeRegistry, fail, type ReferrersSupport, sha256 } from "./fake-registry.ts";
export { FakeServer, type Quirk, type Seen } from "./fake-server.ts";
export {
  type CountedLayer,
  type MadeEntry,
  type MadeImage,
  type MadeImageOptions,
  type MadeLayer,
  madeImage,
} from "./made-image.ts";
