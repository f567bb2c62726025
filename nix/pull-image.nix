# The archive of an image from a registry, by its digest: the same bytes on any day.
{ defaultArchitecture, fromRegistry, overridable, registryOptions, system, varve, withAttributes, ... }:

overridable (
  {
    imageName,
    imageDigest,
    # The SHA-256 of the archive that varve writes, in any of Nix's forms; `hash` is the same as SRI.
    sha256 ? "",
    hash ? "",
    os ? "linux",
    arch ? defaultArchitecture,
    finalImageName ? imageName,
    finalImageTag ? "latest",
    # Whether only https is trusted.
    tlsVerify ? true,
    name ? builtins.replaceStrings [ "/" ":" ] [ "-" "-" ] "docker-image-${finalImageName}-${finalImageTag}.tar",
  }:
  assert sha256 == "" || hash == "" || throw "Only one of sha256 or hash can be given for the image ${imageName}.";
  withAttributes
    (derivation ({
      inherit name system imageDigest;
      imageName = finalImageName;
      imageTag = finalImageTag;
      builder = "${varve}/bin/varve";
      args = [
        "pull"
        "docker://${imageName}@${imageDigest}"
        "docker-archive:${placeholder "out"}:${finalImageName}:${finalImageTag}"
        "--platform"
        "${os}/${arch}"
        "--no-cache"
        "--quiet"
      ]
      ++ registryOptions (!tlsVerify);
      outputHashMode = "flat";
    }
    // fromRegistry
    // (if hash != "" then { outputHash = hash; } else { outputHash = sha256; outputHashAlgo = "sha256"; })))
    { passthru = { imageName = finalImageName; imageTag = finalImageTag; isExe = false; }; }
)
