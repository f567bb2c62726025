# A project that makes its image with varve's flake, in each of the ways there are.
{
  inputs.varve.inputs.nixpkgs.follows = "nixpkgs";

  outputs = { self, nixpkgs, varve }: {
    packages = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system:
      let
        pkgs = nixpkgs.legacyPackages.${system};
        image = tools: import ./image.nix { inherit pkgs tools; };
      in
      {
        byLib = image varve.lib.${system};
        byOverlay = image (pkgs.extend varve.overlays.default).varveTools;
        byFile = image (import "${varve}/nix" { inherit pkgs; });
      });
  };
}
