# The image that a lock file of `varve lock` pins, as an OCI layout. Each blob is a fixed output of its own, by the digest that it has
# anyway, so nobody writes a hash for Nix, and images that share layers share what was fetched.
{ fromRegistry, pkgs, registryOptions, shellBuild, system, varve, withAttributes, writeText, ... }:

file:
let
  lock = builtins.fromJSON (builtins.readFile file);
  what = baseNameOf (builtins.unsafeDiscardStringContext (toString file));

  # A digest, such as sha256:abc, in its parts.
  partsOf = digest:
    let
      parts = builtins.match "(sha256|sha512):([0-9a-f]+)" digest;
    in
    if parts == null then throw "${what} is no lock file of varve: ${builtins.toJSON digest} is not a digest"
    else { algorithm = builtins.elemAt parts 0; hash = builtins.elemAt parts 1; };
  pathOf = { digest, ... }: with partsOf digest; "blobs/${algorithm}/${hash}";

  fetch = { digest, size, ... }: derivation ({
    name = "image-blob";
    inherit system;
    builder = "${varve}/bin/varve";
    args = [ "nix" "blob" lock.reference digest (toString size) (placeholder "out") ] ++ registryOptions (lock.insecure or false);
    outputHashMode = "flat";
    outputHashAlgo = (partsOf digest).algorithm;
    outputHash = (partsOf digest).hash;
  } // fromRegistry);

  # By their digests, since a layer may be in an image twice.
  blobs = builtins.attrValues (builtins.listToAttrs (map (blob: { name = blob.digest; value = blob; }) ([ lock.config ] ++ lock.layers)));

  manifest = lock.manifest;
  isManifest = with partsOf manifest.digest; builtins.hashString algorithm manifest.text == hash;
  index = builtins.toJSON {
    schemaVersion = 2;
    mediaType = "application/vnd.oci.image.index.v1+json";
    manifests = [ { inherit (manifest) mediaType digest size; } ];
  };
in
if lock.lockVersion or null != 1 then throw "${what} is no lock file of this varve, which writes and reads lockVersion 1; make it with varve lock"
else if !isManifest then throw "${what} was changed: the text of its manifest hasn't the digest ${manifest.digest}; make it again with varve lock ${lock.reference}"
else
  withAttributes
    (shellBuild "locked-image" ''
      mkdir -p $out/blobs/sha256 $out/blobs/sha512
      cd $out
      printf '{"imageLayoutVersion":"1.0.0"}' >oci-layout
      ln -s ${writeText "index.json" index} index.json
      ln -s ${writeText "manifest.json" manifest.text} ${pathOf manifest}
      ${builtins.concatStringsSep "\n" (map (blob: "ln -s ${fetch blob} ${pathOf blob}") blobs)}
    '')
    { passthru = { inherit lock; blobs = map fetch blobs; }; }
