# A program that loads an image from the store into the Docker daemon.
{ pkgs, varve, withAttributes, writeScript, ... }:

image:
let
  source = if image ? conf then "nix load ${image.conf}" else "load docker-archive:${image}";
in
withAttributes
  (writeScript "load-${baseNameOf image.imageName}" ''
    #!${pkgs.runtimeShell}
    exec ${varve}/bin/varve ${source} "$@"
  '')
  { passthru = { inherit (image) imageName imageTag; isExe = true; }; }
