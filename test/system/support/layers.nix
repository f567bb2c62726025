# An image of layers that are derivations of their own, of small packages:
#
#   libc <- shell <- app      the one that changes, with `version`
#   libc <- tool
{ busybox, node, varve, version ? "1" }:

let
  bootstrap = builtins.path {
    name = "busybox";
    path = busybox;
  };
  box = "${bootstrap}/bin/busybox";

  run = name: text: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = box;
    args = [ "sh" "-euc" text ];
  };

  coreutils = run "coreutils" ''
    ${box} mkdir -p $out/bin
    for name in sh cp chmod mkdir; do ${box} ln -s ${box} $out/bin/$name; done
  '';

  # A file of some size, and what it needs.
  package = name: needs: run name ''
    ${box} mkdir -p $out
    ${box} seq 1 20000 >$out/${name}
    echo ${toString needs} >$out/needs
  '';

  tools = import ../../../nix {
    pkgs = {
      inherit coreutils;
      system = builtins.currentSystem;
      runtimeShell = "${coreutils}/bin/sh";
    };
    # As it is on this machine: it isn't in a sandbox, and what changes it changes nothing here.
    varve = run "varve" ''
      ${box} mkdir -p $out/bin
      echo '#!${coreutils}/bin/sh' >$out/bin/varve
      echo 'exec ${node} ${varve} "$@"' >>$out/bin/varve
      ${box} chmod +x $out/bin/varve
    '';
  };
  inherit (tools) buildLayer streamLayeredImage;
in
rec {
  libc = package "libc" [ ];
  shell = package "shell" [ libc ];
  app = package "app-${version}" [ shell ];
  tool = package "tool" [ libc ];
  extra = package "extra" [ tool ];

  below = buildLayer { name = "below"; paths = [ shell ]; };
  apps = buildLayer { name = "apps"; paths = app; layers = [ below ]; };
  others = buildLayer { name = "others"; paths = [ tool ]; layers = [ below ]; compressor = "zstd"; };

  image = streamLayeredImage {
    name = "layers";
    tag = "1";
    config.Cmd = [ "${app}/app" ];
    contents = [ extra ];
    layers = [ below apps others ];
  };
  inherit (image) conf;

  snapshotter = tools.buildLayeredImage {
    name = "mounted";
    config.Cmd = [ "${app}/app" ];
    contents = [ extra ];
    snapshotter = true;
  };
}
