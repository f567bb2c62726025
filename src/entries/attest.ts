/** What is said of images: attached, signed, verified, listed, read, and copied along with them; and what they are made of, written down and compared. */
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
