# Derivations with real references and no nixpkgs: their only program is a static busybox.
#
#   baseApp -> greeter -> greeting
#   childApp -> greeter
#   grandchildApp -> childApp
{ busybox }:
let
  tools = builtins.path {
    path = busybox;
    name = "busybox-1";
  };
  box = "${tools}/bin/busybox";

  component =
    name: script:
    derivation {
      inherit name;
      system = builtins.currentSystem;
      builder = box;
      args = [
        "sh"
        "-euc"
        script
      ];
    };

  # A component with one shell script as its program.
  program =
    name: file: lines:
    component name ''
      ${box} mkdir -p $out/bin
      ${box} cat > $out/bin/${file} <<'END'
      #!${box} sh
      ${lines}
      END
      ${box} chmod +x $out/bin/${file}
    '';
in
rec {
  greeting = component "greeting-1.0" ''
    ${box} mkdir -p $out/share
    echo Hello > $out/share/greeting
    ${box} ln -s greeting $out/share/salutation
  '';

  greeter = program "greeter-2.1" "greet" ''echo "$(${box} cat ${greeting}/share/salutation), $1!"'';

  # A store path that is a link to another one.
  alias = component "alias-1" "${box} ln -s ${greeter} $out";

  baseApp = program "base-app-1" "base-app" ''${greeter}/bin/greet "''${WHO:-nobody}"'';

  childApp = program "child-app-1" "child-app" ''${greeter}/bin/greet "''${WHO:-nobody} the child"'';

  grandchildApp = program "grandchild-app-1" "grandchild-app" ''
    ${childApp}/bin/child-app
    ${box} echo "and $WHO the grandchild"
  '';
}
