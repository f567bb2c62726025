/** A registry and images in memory, for tests of programs that use varve. */
export { EntryType } from "#tar";
export {
  type CountedLayer,
  FakeRegistry,
  FakeServer,
  fail,
  type MadeEntry,
  type MadeImage,
  type MadeImageOptions,
  type MadeLayer,
  madeImage,
  type Quirk,
  type ReferrersSupport,
  type Seen,
} from "#testing";
