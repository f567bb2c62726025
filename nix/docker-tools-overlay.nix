# An overlay in which `dockerTools` itself is made by varve, for whoever names it. What varve has no function for is nixpkgs' still.
final: prev:
let
  own = import ./overlay.nix final prev;
in
own // {
  dockerTools = prev.dockerTools // removeAttrs final.varveTools ([ "examples" "instead" ] ++ builtins.attrNames final.varveTools.instead);
}
