export { Audit, type AuditFinding } from "./audit/audit.ts";
export { type Advisory, advisoriesIn } from "./audit/osv.ts";
export { type VexStatement, vexStatements } from "./audit/vex.ts";
export { canonicalJson } from "./canonical.ts";
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
