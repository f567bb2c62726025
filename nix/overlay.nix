# An overlay in which `varve` is the command and `varveTools` are the functions. `dockerTools` stays what it was.
final: prev: {
  varve = final.callPackage ({ pkgs, nodejs }: import ./varve.nix { inherit pkgs nodejs; }) { };
  varveTools = import ./. {
    pkgs = final;
    inherit (final) varve;
  };
}
