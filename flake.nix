{
  description = "Layered, reproducible container images from a graph of files, on top of a base image, without a Docker daemon";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forSystems = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      # `varve.lib.x86_64-linux.buildLayeredImage { … }`.
      lib = forSystems (pkgs: import ./nix { inherit pkgs; });

      packages = forSystems (pkgs: rec {
        varve = import ./nix/varve.nix { inherit pkgs; };
        default = varve;
      });

      overlays.default = import ./nix/overlay.nix;
      # `dockerTools` itself, for what names it and isn't one's own.
      overlays.dockerTools = import ./nix/docker-tools-overlay.nix;
    };
}
