export { Audit, type AuditFinding } from "./audit/audit.ts";
export { type Advisory, advisoriesIn } from "./audit/osv.ts";
export { type VexStatement, vexStatements } from "./audit/vex.ts";
export { BUNDLE_TYPE, isBundleType, MAX_BUNDLE_BYTES, signWithKey } from "./bundle/bundle.ts";
export { type Candidate, candidateOfBundle } from "./bundle/candidate.ts";
export { candidateOfLayer, ENVELOPE_TYPE, type OlderLayer, SIMPLE_SIGNING_TYPE } from "./bundle/older.ts";
export { canonicalJson } from "./canonical.ts";
export {
  type Claim,
  parseStatement,
  SIGNATURE_PREDICATE,
  signatureStatement,
  statementAbout,
} from "./claim.ts";
export { type Envelope, preAuthEncoding } from "./dsse.ts";
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
export { nameOfType, predicateTypeOf } from "./predicate-types.ts";
export {
  BUILD_TYPE,
  type BuildRun,
  type BuildSource,
  type ProvenanceFacts,
  provenance,
  UNKNOWN_BUILDER,
} from "./provenance/provenance.ts";
export { type BomOptions, makeBom } from "./sbom/bom.ts";
export { CYCLONEDX_TYPE, cyclonedx } from "./sbom/cyclonedx.ts";
export { comparePackages, type PackageChange } from "./sbom/diff.ts";
export type {
  Bom,
  BomComponent,
  BomComponentType,
  BomPart,
  BomSubject,
  BomTool,
  ComponentHash,
  HashAlgorithm,
} from "./sbom/model.ts";
export { type GraphPartsOptions, graphParts } from "./sbom/of-graph.ts";
export { inventoryParts } from "./sbom/of-inventory.ts";
export { isSbom, type ListedPackage, listedPackages, MAX_SBOM_BYTES, readSbom } from "./sbom/read.ts";
export { SPDX_TYPE, spdx } from "./sbom/spdx.ts";
export {
  digestSet,
  type NewStatement,
  PredicateType,
  STATEMENT_TYPE,
  type StatementSubject,
  statement,
} from "./statement.ts";
export type { CertificatePolicy, KeyPolicy, SignedBy, VerificationPolicy } from "./verify/policy.ts";
export { type Demand, type VerifiedStatement, verifyCandidate } from "./verify/verify.ts";
