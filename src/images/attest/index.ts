export { BUNDLE_TYPE, isBundleType, MAX_BUNDLE_BYTES, signWithKey } from "./bundle/bundle.ts";
export { type Candidate, candidateOfBundle } from "./bundle/candidate.ts";
export { candidateOfLayer, ENVELOPE_TYPE, type OlderLayer, SIMPLE_SIGNING_TYPE } from "./bundle/older.ts";
export { type Envelope, preAuthEncoding, STATEMENT_TYPE } from "./dsse.ts";
export { checkNode } from "./keyless/load.ts";
export {
  ciToken,
  type KeylessOptions,
  type LogOptions,
  signKeyless,
  signWithKeyInLog,
} from "./keyless/sign.ts";
export {
  fetchTrustedRoot,
  MAX_TRUSTED_ROOT_BYTES,
  parseTrustedRoot,
  type TrustedMaterial,
  type TufOptions,
} from "./keyless/trusted-root.ts";
export { type PrivateKeyOptions, readPrivateKey, type SigningKey } from "./keys/private-key.ts";
export { MAX_KEY_BYTES, type PublicKey, readPublicKey } from "./keys/public-key.ts";
export {
  type Claim,
  parseStatement,
  SIGNATURE_PREDICATE,
  type Statement,
  type StatementSubject,
  signatureStatement,
  statementAbout,
} from "./statement.ts";
export type { CertificatePolicy, KeyPolicy, SignedBy, VerificationPolicy } from "./verify/policy.ts";
export { type Demand, type Verified, verifyCandidate } from "./verify/verify.ts";
