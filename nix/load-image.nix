# A program that loads an image from the store into the Docker daemon.
{ pkgs, varve, withAttributes, writeScript, ... }:

image:
let
  source = if image ? conf then "nix load ${image.conf}" else "load docker-archive:${image}";
in
assert !(image.snapshotter or false) || throw "loadImage takes images that hold their store paths, and ${image.imageName} is for nix-snapshotter; push it with pushImage";
withAttributes
  (writeScript "load-${baseNameOf image.imageName}" ''
    #!${pkgs.runtimeShell}
    exec ${varve}/bin/varve ${source} "$@"
  '')
  { passthru = { inherit (image) imageName imageTag; isExe = true; }; }
