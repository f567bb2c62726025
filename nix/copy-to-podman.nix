# A program that copies an image from the store into podman's storage, through a pipe: podman is the user's own, whose settings say
# where that is.
#
#     $(nix-build -A copy) [OPTIONS of podman load]
{ pkgs, varve, withAttributes, writeScript, ... }:

image:
let
  stream = if image ? conf then "stream ${image.conf}" else "merge --quiet docker-archive:${image} -";
in
assert !(image.isIndex or false) || throw "copyToPodman takes one image, and ${image.imageName} is an index; give it one of its images";
assert !(image.snapshotter or false) || throw "copyToPodman takes images that hold their store paths, and ${image.imageName} is for nix-snapshotter; push it with pushImage";
withAttributes
  (writeScript "copy-to-podman-${baseNameOf image.imageName}" ''
    #!${pkgs.runtimeShell}
    set -o pipefail
    ${varve}/bin/varve ${stream} | podman load "$@"
  '')
  { passthru = { inherit (image) imageName imageTag; isExe = true; }; }
