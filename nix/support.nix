# What the functions have in common.
{ pkgs, varve }:

rec {
  # nixpkgs warns where it is asked for `pkgs.system`.
  system = pkgs.stdenv.buildPlatform.system or pkgs.system;

  # The architecture of images, as Go names it.
  defaultArchitecture =
    pkgs.go.GOARCH or {
      x86_64-linux = "amd64";
      aarch64-linux = "arm64";
      # Images for Linux that are made on such a machine.
      x86_64-darwin = "amd64";
      aarch64-darwin = "arm64";
      i686-linux = "386";
      armv6l-linux = "arm";
      armv7l-linux = "arm";
      powerpc64le-linux = "ppc64le";
      riscv64-linux = "riscv64";
      s390x-linux = "s390x";
      loongarch64-linux = "loong64";
    }.${pkgs.stdenv.hostPlatform.system or system} or (throw "varve knows no name for the architecture of ${system}; give `architecture`");

  lower =
    let
      letters = text: builtins.genList (at: builtins.substring at 1 text) (builtins.stringLength text);
    in
    builtins.replaceStrings (letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (letters "abcdefghijklmnopqrstuvwxyz");

  # A list of what may be one value, or lists in lists, as a builder's environment takes it.
  toList = value: if value == null then [ ] else if builtins.isList value then builtins.concatMap toList value else [ value ];

  # Paths of the store, whatever they were given as; a path of the file system is copied there.
  storePaths = values: map (value: "${value}") (toList values);

  # An image's layers that are built, and nothing else.
  layersOf = name: layers:
    let
      isLayer = layer: builtins.isAttrs layer && layer.isLayer or false;
    in
    if !builtins.isList layers then throw "in docker image ${name}: layers must be a list of what buildLayer makes"
    else if builtins.all isLayer layers then layers
    else throw "in docker image ${name}: layers takes what buildLayer makes; put store paths into `buildLayer { paths = [ … ]; }`";

  # The hash in a derivation's output path: the tag of an image that was given none.
  outputHash = drv: builtins.substring 0 32 (baseNameOf (builtins.unsafeDiscardStringContext drv.outPath));

  # The archive of an image that may be a script which writes one.
  archiveOf = image:
    if !(image.isExe or false) then image
    else if image ? conf then step { name = "${baseNameOf image.imageName}.tar"; run = "archive"; attrs.conf = "${image.conf}"; }
    else shellBuild "${image.name or "image"}.tar" "${image} >$out";

  # The place of a base: an archive, or what a lock file pins.
  baseOf = name: { fromImage, fromImageLock, archive ? archiveOf }:
    if fromImageLock == null then (if fromImage == null then null else "${archive fromImage}")
    else if fromImage != null then throw "in docker image ${name}: You can not specify both fromImage and fromImageLock."
    else "oci:${lockedImage fromImageLock}";

  lockedImage = import ./locked-image.nix { inherit fromRegistry pkgs registryOptions shellBuild system varve withAttributes writeText; };

  # What a derivation has that fetches something of a registry.
  fromRegistry = {
    impureEnvVars = [ "http_proxy" "https_proxy" "all_proxy" "no_proxy" "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY" "NO_PROXY" "NODE_EXTRA_CA_CERTS" ];
  }
  # An image may name store paths that varve itself is made of; without this, Nix refuses it then.
  // (if builtins.compareVersions builtins.nixVersion "2.17" >= 0 then { __structuredAttrs = true; unsafeDiscardReferences.out = true; } else { });

  # Options of varve for it.
  registryOptions = insecure:
    (if insecure then [ "--insecure" ] else [ ])
    ++ (if pkgs ? cacert then [ "--cacert" "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt" ] else [ ]);

  # A user's or group's number, also as a text.
  idOf = argument: value:
    let
      digits = if builtins.isString value then builtins.match "0*([0-9]+)" value else null;
    in
    if builtins.isInt value && value >= 0 then value
    else if digits != null then builtins.fromJSON (builtins.head digits)
    else throw "${argument} must be a number, not ${builtins.toJSON value}";

  # The fields of an image's config, which engines look for by these names.
  configFields = [
    "ArgsEscaped" "AttachStderr" "AttachStdin" "AttachStdout" "Cmd" "CpuShares" "Domainname" "Entrypoint" "Env" "ExposedPorts"
    "Healthcheck" "Hostname" "Image" "Labels" "MacAddress" "Memory" "MemorySwap" "NetworkDisabled" "OnBuild" "OpenStdin" "Shell"
    "StdinOnce" "StopSignal" "StopTimeout" "Tty" "User" "Volumes" "WorkingDir"
  ];

  # A config as engines take it, of one as people write it: a command may be a text, the environment a set.
  configOf = name: config:
    let
      named = builtins.listToAttrs (map (field: { name = lower field; value = field; }) configFields);
      meant = field: named.${lower field} or field;
      wrong = builtins.filter (field: meant field != field) (builtins.attrNames config);
      words = value: if builtins.isString value then [ value ] else value;
      variables = env: if builtins.isAttrs env && !(env ? outPath) then map (name: "${name}=${toString env.${name}}") (builtins.attrNames env) else env;
      with_ = field: change: if config ? ${field} then { ${field} = change config.${field}; } else { };
    in
    if config == null then null
    else if wrong != [ ] then throw "in docker image ${name}: config.${builtins.head wrong} must be written config.${meant (builtins.head wrong)}"
    else config // with_ "Cmd" words // with_ "Entrypoint" words // with_ "Env" variables;

  assertMsg = condition: message: condition || throw message;

  # A function whose result can be made again with other arguments. It tells which it takes, to nixpkgs' `lib.functionArgs`.
  overridable = function: overridableWith (builtins.functionArgs function) function;
  overridableWith = functionArgs: function: {
    __functionArgs = functionArgs;
    __functor = self: args:
      let
        result = function args;
        # What was changed stays so when it is made again.
        again = change: overridableWith functionArgs (args: (function args).overrideAttrs change) args;
      in
      result
      // (if result ? overrideAttrs then { overrideAttrs = again; overrideDerivation = again; } else { })
      // { override = changes: self (args // (if builtins.isFunction changes then changes args else changes)); };
  };

  # A derivation with attributes that are none of its builder's, which can be made again with others of the builder's, as those of
  # mkDerivation can: by a set, a function of the attributes before, or one of the attributes after and before.
  withAttributes = drv: { passthru ? { }, meta ? { } }:
    let
      before = drv.drvAttrs // { inherit passthru meta; };
      changedBy = change:
        let
          after = before // (if !builtins.isFunction change then change else if builtins.isFunction (change before) then change after before else change before);
        in
        withAttributes (derivation (removeAttrs after [ "passthru" "meta" ])) { inherit (after) passthru meta; };
    in
    # nixpkgs' lib looks for `outputs` in each derivation.
    { outputs = [ "out" ]; } // drv // passthru // {
      inherit passthru meta;
      overrideAttrs = changedBy;
      overrideDerivation = changedBy;
    };

  # A derivation that varve builds: `varve nix STEP`, which finds its arguments in the structured attributes.
  step = { name, run, attrs, passthru ? { }, meta ? { } }:
    withAttributes
      (derivation (attrs // {
        inherit name system;
        builder = "${varve}/bin/varve";
        args = [ "nix" run ];
        __structuredAttrs = true;
      }))
      { inherit passthru meta; };

  # Keeps the shell from making its last program its successor: coreutils close their output before they end, whereupon Nix,
  # which takes that for the end, kills them.
  withShell = text: "${text}\n:";

  # A text in the store. What it names is what it refers to.
  writeText = name: text: textFile name text "";
  writeScript = name: text: textFile name text "chmod +x $out";
  textFile = name: text: then_:
    derivation {
      inherit name system text;
      passAsFile = [ "text" ];
      builder = pkgs.runtimeShell;
      args = [ "-euc" (withShell "cp $textPath $out; ${then_}") ];
      PATH = "${pkgs.coreutils}/bin";
      preferLocalBuild = true;
      allowSubstitutes = false;
    };

  # A shell text that makes `$out`.
  shellBuild = name: text:
    derivation {
      inherit name system;
      builder = pkgs.runtimeShell;
      args = [ "-euc" (withShell text) ];
      PATH = "${pkgs.coreutils}/bin";
      preferLocalBuild = true;
      allowSubstitutes = false;
    };

  # The programs that scripts of a layer can use, and that their sandbox is made with.
  scriptPath = map (package: "${package}/bin") [
    pkgs.coreutils
    pkgs.bash
    pkgs.findutils
    pkgs.gnugrep
    pkgs.gnused
    pkgs.gnutar
    pkgs.util-linux
    pkgs.fakeroot
  ]
  # What stdenv has besides, where it is there; libcap is for file capabilities, where owners are kept by fakeroot.
  ++ builtins.concatMap (name: if pkgs ? ${name} then [ "${pkgs.${name}}/bin" ] else [ ])
    [ "diffutils" "gawk" "gzip" "bzip2" "xz" "patch" "file" "gnumake" "libcap" ];

  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";

  # What scripts begin with that dockerTools runs in a stdenv's shell; `variables` are those of the derivation. It is on the
  # script's first line, so that lines are numbered as they are written.
  withStdenv = variables: text:
    let
      all = variables // {
        stdenv = ./stdenv;
        out = placeholder "out";
        NIX_STORE = builtins.storeDir;
        NIX_BUILD_CORES = "1";
        inherit system;
      };
      export = name: "${name}=${quote "${all.${name}}"}";
    in
    "export ${toString (map export (builtins.attrNames all))}; source $stdenv/setup; ${text}";

  # The layer with all that is no store path: `layer.tar`, and `checksum`. What scripts refer to is found by Nix in it.
  customisationLayer =
    {
      baseName,
      # For errors.
      imageName,
      # Fields of an image spec.
      spec,
      # What must be known of the store besides what is in the spec.
      roots ? [ ],
      extraCommands ? "",
      fakeRootCommands ? "",
      enableFakechroot ? false,
      runAsRoot ? null,
      includeNixDB ? false,
      fromImage ? null,
      # What the machine must have that runs the scripts.
      requiredSystemFeatures ? [ ],
      # Whether it is packed as GNU tar does it for nixpkgs, with stdenv's time.
      gnuTar ? false,
      # Other files of the folder, by name.
      files ? { },
    }:
    let
      variables = {
        name = "${baseName}-customisation-layer";
        ${if spec ? contents then "paths" else "contents"} = toString (spec.contents or spec.copyToRoot or [ ]);
      };
      # A root script's company is run by a shell script, not in a stdenv.
      prepared = if runAsRoot == null then withStdenv variables else (text: text);
      hasScripts = extraCommands != "" || fakeRootCommands != "" || runAsRoot != null;
      graph = storePaths roots;
    in
    step {
      name = "${baseName}-customisation-layer";
      run = "layer";
      attrs = {
        inherit files gnuTar imageName requiredSystemFeatures;
        exportReferencesGraph = if graph == [ ] then { } else { inherit graph; };
        path = (if hasScripts then scriptPath else [ ])
          ++ (if includeNixDB then map (package: "${package}/bin") [ pkgs.nix pkgs.sqlite pkgs.coreutils ] else [ ]);
        spec = spec
          // (if extraCommands == "" then { } else { extraCommands = prepared extraCommands; })
          // (if fakeRootCommands == "" then { } else {
            inherit enableFakechroot;
            fakeRootCommands =
              if enableFakechroot then inImage "PATH=$PATH:${builtins.concatStringsSep ":" scriptPath}; ${prepared fakeRootCommands}"
              else prepared fakeRootCommands;
          })
          // (if runAsRoot == null then { } else { runAsRoot = inImage runAsRoot; })
          // (if includeNixDB then { includeNixDB = true; } else { })
          // (if fromImage == null then { } else { fromImage = "${fromImage}"; });
      };
    };

  # What dockerTools does before a script in the image: its programs come from the store, since an image may have none. Where the
  # image has no folder for temporary files, they go to one that is no part of it.
  inImage = text: ''
    #!${pkgs.runtimeShell}
    set -e; export PATH=${pkgs.coreutils}/bin:/bin:$PATH; [ -d /tmp ] || export TMPDIR=/dev/shm
    ${text}
  '';

  compressors = {
    none = "";
    gz = ".gz";
    zstd = ".zst";
  };
  extensionOf = compressor: name:
    compressors.${compressor} or (throw "in docker image ${name}: compressor must be one of: [${toString (builtins.attrNames compressors)}]");
}
