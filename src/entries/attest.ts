/** What hangs on images: attached, listed, read, and copied along with them; and what images are made of, written down and compared. */
export {
  attach,
  copyWithReferrers,
  diffSboms,
  readReferrer,
  referrers,
  referrerTree,
  sbom,
} from "#app";
