# An executable that writes an image in which one is as in `nix-shell` for a derivation: its environment, its inputs, a
# shell, and `buildDerivation`, which builds it.
{ assertMsg, overridable, pkgs, storePaths, tools, writeScript, writeText, ... }:

let
  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";

  # What an attribute's value is in the builder's environment. A path is copied into the store.
  valueOf = value:
    if builtins.isPath value then "${value}"
    else if builtins.isList value then toString (map valueOf value)
    else toString value;
in
overridable (
  {
    drv,
    name ? drv.name + "-env",
    tag ? null,
    uid ? 1000,
    gid ? 1000,
    homeDirectory ? "/build",
    shell ? pkgs.bashInteractive + "/bin/bash",
    # Runs in an interactive shell.
    command ? null,
    # Runs in a shell that is not interactive.
    run ? null,
    maxLayers ? 100,
    fromImage ? null,
    # varve's own: a file of `varve lock`, in place of `fromImage`.
    fromImageLock ? null,
  }:
  assert assertMsg (!(drv.drvAttrs.__structuredAttrs or false))
    "streamNixShellImage: Does not work with the derivation ${drv.name} because it uses __structuredAttrs";
  assert assertMsg (command == null || run == null) "streamNixShellImage: Can't specify both command and run";
  let
    buildFolder = "/build";

    builder = writeScript "build-derivation" ''
      #!${pkgs.runtimeShell}
      exec ${quote (valueOf drv.drvAttrs.builder)} ${toString (map (argument: quote (valueOf argument)) (drv.drvAttrs.args or [ ]))}
    '';
    programs = derivation {
      name = "nix-shell-programs";
      system = drv.drvAttrs.system;
      builder = pkgs.runtimeShell;
      args = [ "-euc" "${pkgs.coreutils}/bin/mkdir -p $out/bin; ${pkgs.coreutils}/bin/ln -s ${builder} $out/bin/buildDerivation; :" ];
    };
    path = "${dirOf shell}:${programs}/bin";

    # What nix-shell has the shell do before it is the user's.
    rc = writeText "nix-shell-rc" ''
      unset PATH
      dontAddDisableDepTrack=1
      [ -e $stdenv/setup ] && source $stdenv/setup
      PATH=${path}:"$PATH"
      SHELL=${quote shell}
      BASH=${quote shell}
      set +e
      [ -n "$PS1" -a -z "$NIX_SHELL_PRESERVE_PROMPT" ] && PS1='\n\[\033[1;32m\][nix-shell:\w]\$\[\033[0m\] '
      if [ "$(type -t runHook)" = function ]; then runHook shellHook; fi
      unset NIX_ENFORCE_PURITY
      shopt -u nullglob
      shopt -s execfail
      ${if command == null && run == null then "" else "${toString command}${toString run}\nexit"}
    '';

    # As Nix sets the environment of a builder.
    attributes = removeAttrs drv.drvAttrs [ "args" "outputs" ];
    ofAttribute = attribute:
      let
        value = valueOf attributes.${attribute};
      in
      if builtins.elem attribute (drv.drvAttrs.passAsFile or [ ])
      then { name = "${attribute}Path"; value = writeText "pass-as-text-${attribute}" value; }
      else { name = attribute; inherit value; };
    ofOutput = output: { name = output; value = builtins.unsafeDiscardStringContext drv.${output}.outPath; };
    environment = {
      PATH = path;
      HOME = homeDirectory;
      NIX_STORE = builtins.storeDir;
      NIX_BUILD_CORES = "1";
    }
    // (if pkgs ? cacert then rec { SSL_CERT_FILE = "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"; NIX_SSL_CERT_FILE = SSL_CERT_FILE; } else { })
    // builtins.listToAttrs (map ofAttribute (builtins.attrNames attributes))
    // builtins.listToAttrs (map ofOutput (drv.drvAttrs.outputs or [ "out" ]))
    // {
      NIX_BUILD_TOP = buildFolder;
      TMPDIR = buildFolder;
      TEMPDIR = buildFolder;
      TMP = buildFolder;
      TEMP = buildFolder;
      PWD = buildFolder;
      TERM = "xterm-256color";
    };
  in
  tools.streamLayeredImage {
    inherit name tag maxLayers fromImage fromImageLock;
    contents = [
      tools.binSh
      tools.usrBinEnv
      (tools.fakeNss.override {
        extraPasswdLines = [ "nixbld:x:${toString uid}:${toString gid}:Build user:${homeDirectory}:/noshell" ];
        extraGroupLines = [ "nixbld:!:${toString gid}:" ];
      })
    ];

    # The user may put build results into the store, and has a folder to build in.
    fakeRootCommands = ''
      mkdir -p .${builtins.storeDir}
      chmod a+w+t .${builtins.storeDir}
      mkdir -p .${buildFolder}
      chown -R ${toString uid}:${toString gid} .${buildFolder}
    '';

    config = {
      User = "${toString uid}:${toString gid}";
      Cmd = if run == null then [ shell "--rcfile" "${rc}" ] else [ shell "${rc}" ];
      WorkingDir = buildFolder;
      Env = map (variable: "${variable}=${environment.${variable}}") (builtins.attrNames environment);
    };
  }
)
