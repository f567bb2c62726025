/** What hangs on images: attached, signed, verified, listed, read, and copied along with them. */
export { attach, attest, copyWithReferrers, readReferrer, referrers, referrerTree, sign, verify } from "#app";
