/** What hangs on images: attached, listed, read, and copied along with them; signed, and verified. */
export {
  attach,
  attest,
  copyWithReferrers,
  readReferrer,
  referrers,
  referrerTree,
  sign,
  verify,
} from "#app";
