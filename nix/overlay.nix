# An overlay in which `varve` is the command and `varveTools` are the functions. `dockerTools` stays what it was.
final: prev: {
  varve = final.callPackage ({ pkgs }: import ./varve.nix { inherit pkgs; }) { };
  varveTools = import ./. {
    pkgs = final;
    inherit (final) varve;
  };
}
