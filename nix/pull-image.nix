# The archive of an image from a registry, by its digest: the same bytes on any day.
{ defaultArchitecture, overridable, pkgs, system, varve, withAttributes, ... }:

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
      ++ (if tlsVerify then [ ] else [ "--insecure" ])
      ++ (if pkgs ? cacert then [ "--cacert" "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt" ] else [ ]);
      impureEnvVars = [ "http_proxy" "https_proxy" "all_proxy" "no_proxy" "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY" "NO_PROXY" ];
      outputHashMode = "flat";
    }
    # An image may name store paths that varve itself is made of; without this, Nix refuses it then.
    // (if builtins.compareVersions builtins.nixVersion "2.17" >= 0 then { __structuredAttrs = true; unsafeDiscardReferences.out = true; } else { })
    // (if hash != "" then { outputHash = hash; } else { outputHash = sha256; outputHashAlgo = "sha256"; })))
    { passthru = { imageName = finalImageName; imageTag = finalImageTag; isExe = false; }; }
)
