# A program that pushes an image from the store to a registry: layers that the registry has aren't read, and no archive of
# the image is made.
#
#     pushImage image                          or { image, reference ? "NAME:TAG", insecure ? false }
#     $(nix-build -A push) [REFERENCE] [OPTIONS of varve push]
{ pkgs, varve, withAttributes, writeScript, ... }:

argument:
let
  args = if argument ? image && !(argument ? outPath) then argument else { image = argument; };
  inherit (args) image;
  reference = args.reference or "${image.imageName}:${image.imageTag}";
  insecure = if args.insecure or false then "--insecure" else "";
  # The layers of an image that has a conf are in the store as they are.
  push =
    if image.isIndex or false then ''index create "docker://$reference" oci:${image}:${image.imageTag}''
    else if image ? conf then ''nix push ${image.conf} "$reference"''
    else ''push docker-archive:${image} "$reference"'';
in
withAttributes
  (writeScript "push-${baseNameOf image.imageName}" ''
    #!${pkgs.runtimeShell}
    reference='${reference}'
    case ''${1-} in "" | -*) ;; *) reference=$1; shift ;; esac
    exec ${varve}/bin/varve ${push} ${insecure} "$@"
  '')
  { passthru = { inherit (image) imageName imageTag; isExe = true; }; }
