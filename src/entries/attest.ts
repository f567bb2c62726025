/** What hangs on images: attached, listed, read, and copied along with them. */
export { attach, copyWithReferrers, readReferrer, referrers, referrerTree } from "#app";
