/** What hangs on images: attached, listed, read, copied along and signed; and what images are made of, written down and compared. */
export {
  attach,
  attest,
  copyWithReferrers,
  diffSboms,
  readReferrer,
  referrers,
  referrerTree,
  sbom,
  sign,
  verify,
} from "#app";
