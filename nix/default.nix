# dockerTools' functions, made by varve: `import ./nix { inherit pkgs; }`.
#
# The expressions collect arguments and a references graph, and hand both to varve. Of `pkgs` they take what they name and
# nothing else, when it is needed: runtimeShell, coreutils, and for scripts bash, findutils, gnugrep, gnused, gnutar,
# util-linux, fakeroot and, where they are there, what else stdenv has, and libcap; nix and sqlite for a Nix database; shadow, bashInteractive and cacert for
# what is named after them; nodejs where varve isn't given. nixpkgs has them all; without it they can be given by hand.
{
  pkgs,
  # varve itself, with bin/varve.
  varve ? import ./varve.nix { inherit pkgs; },
}:

let
  support = import ./support.nix { inherit pkgs varve; };
  call = file: import file (support // { inherit pkgs varve tools; });

  tools = {
    streamLayeredImage = call ./stream-layered-image.nix;
    buildLayeredImage = call ./build-layered-image.nix;
    buildImage = call ./build-image.nix;
    pullImage = call ./pull-image.nix;
    streamNixShellImage = call ./stream-nix-shell-image.nix;
    buildNixShellImage = call ./build-nix-shell-image.nix;
    imageIndex = call ./image-index.nix;
    pushImage = call ./push-image.nix;
    loadImage = call ./load-image.nix;
    inherit (call ./archives.nix) mergeImages exportImage;
    inherit (call ./root-files.nix) binSh usrBinEnv caCertificates fakeNss shadowSetup;

    buildImageWithNixDb = args: tools.buildImage (args // { includeNixDB = true; });
    buildLayeredImageWithNixDb = args: tools.buildLayeredImage (args // { includeNixDB = true; });
  };
in
tools
