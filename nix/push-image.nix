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
  source = if image ? conf then "nix push ${image.conf}" else "push docker-archive:${image}";
in
withAttributes
  (writeScript "push-${baseNameOf image.imageName}" ''
    #!${pkgs.runtimeShell}
    reference='${reference}'
    case ''${1-} in "" | -*) ;; *) reference=$1; shift ;; esac
    exec ${varve}/bin/varve ${source} "$reference" ${insecure} "$@"
  '')
  { passthru = { inherit (image) imageName imageTag; isExe = true; }; }
