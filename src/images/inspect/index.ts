export { CHECK_FORMAT, type CheckedImage, checkImage } from "./checks/check.ts";
export { FACTS_FORMAT, type LayerFacts } from "./facts/facts.ts";
export { type FactsStore, LayerObserver } from "./facts/observe.ts";
export { FINDING_CODES, type Finding, type FindingCode } from "./findings.ts";
export { type IgnoreRule, type Sifted, sift } from "./ignore.ts";
