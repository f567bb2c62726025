# In place of nixpkgs' flake: as much of it as varve's flake and its users name, with the packages of `examples/nix`, which
# lie beside this file.
{
  outputs = { self }: {
    lib.genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);

    legacyPackages = self.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] (system:
      let
        packages = import ./examples/nix/packages.nix { inherit system; };
        withOverlays = overlays:
          let
            first = packages // {
              pkgs = final;
              callPackage = function: args: function (builtins.intersectAttrs (builtins.functionArgs function) final // args);
              extend = overlay: withOverlays (overlays ++ [ overlay ]);
            };
            final = builtins.foldl' (prev: overlay: prev // overlay final prev) first overlays;
          in
          final;
      in
      withOverlays [ ]);
  };
}
