# A program that pushes an image from the store to a registry: layers that the registry has aren't read, and no archive of
# the image is made.
#
#     pushImage image                          or { image, reference ? "NAME:TAG", tags ? [ ], insecure ? false }
#     $(nix-build -A push) [REFERENCE...] [OPTIONS of varve push]
#
# With `tags`, it is pushed under each of them, in place of the reference's own.
{ pkgs, quote, varve, withAttributes, writeScript, ... }:

argument:
let
  args = if argument ? image && !(argument ? outPath) then argument else { image = argument; };
  inherit (args) image;
  tags = args.tags or [ ];
  reference = args.reference or "${image.imageName}:${image.imageTag}";
  # A colon before a slash is a port's.
  tagged = builtins.match "(.*):[^/:]*" reference;
  repository = if tagged == null then reference else builtins.head tagged;
  references = if tags == [ ] then [ reference ] else map (tag: "${repository}:${tag}") tags;
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
    references=(${toString (map quote references)})
    given=()
    while [ $# -gt 0 ]; do
      case $1 in "" | -*) break ;; esac
      given+=("$1")
      shift
    done
    if [ ''${#given[@]} -gt 0 ]; then references=("''${given[@]}"); fi
    # The registry has the layers after the first one.
    for reference in "''${references[@]}"; do
      ${varve}/bin/varve ${push} ${insecure} "$@" || exit
    done
  '')
  { passthru = { inherit (image) imageName imageTag; inherit references; isExe = true; }; }
