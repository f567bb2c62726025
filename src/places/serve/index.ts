export { addManifest, type Collected, collectingSink, emptyCollection } from "./collect.ts";
export { answerPull, type PullSide, refuse, type ServedBlob, type ServedManifest } from "./pull-side.ts";
export { referrersAmong, subjectOf } from "./referrers.ts";
export { type MadeImage, pullSideOf, ServedImage, type ServedImageOptions } from "./served.ts";
export { type Listen, type PullServer, servePulls } from "./server.ts";
export { SharedBlob, type SharedBlobOptions } from "./shared-blob.ts";
