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
    buildLayer = call ./build-layer.nix;
    pullImage = call ./pull-image.nix;
    inherit (support) lockedImage;
    streamNixShellImage = call ./stream-nix-shell-image.nix;
    buildNixShellImage = call ./build-nix-shell-image.nix;
    imageIndex = call ./image-index.nix;
    pushImage = call ./push-image.nix;
    loadImage = call ./load-image.nix;
    copyToPodman = call ./copy-to-podman.nix;
    inherit (call ./archives.nix) mergeImages exportImage;
    inherit (call ./root-files.nix) binSh usrBinEnv caCertificates fakeNss shadowSetup;

    # An executable in the store, for scripts that run in an image.
    shellScript = name: text: support.writeScript name ''
      #!${pkgs.runtimeShell}
      set -e
      export PATH=${pkgs.coreutils}/bin:/bin
      ${text}
    '';

    examples = import ../examples/nix { inherit pkgs varve; };

    buildImageWithNixDb = args: tools.buildImage (args // { includeNixDB = true; });
    buildLayeredImageWithNixDb = args: tools.buildLayeredImage (args // { includeNixDB = true; });
  };

  # What nixpkgs' dockerTools has besides, and what does the same here.
  instead = {
    mergeDrvs = "give buildImage several paths as `copyToRoot`, whose trees are merged";
    mkPureLayer = "take `(buildImage { … }).layer`";
    mkRootLayer = "take `(buildImage { runAsRoot = …; … }).layer`";
    runWithOverlay = "there is no virtual machine; take `runAsRoot` of buildImage, or exportImage for the files of an image";
    tarsum = "take the `checksum` file of `(buildImage { … }).layer`, or sha256sum";
    tests = "they are in varve's repository, in test/system";
    nix-prefetch-docker = "build pullImage without `sha256`, and Nix prints the hash that it takes";
  };
in
builtins.mapAttrs (name: advice: throw "varve's functions have no ${name}: ${advice}") instead // tools // { inherit instead; }
