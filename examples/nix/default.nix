# dockerTools' examples, made by varve: `nix-build examples/nix -A layered-on-top-layered` builds one.
#
# The packages are Debian's, which `node examples/nix/prepare.ts` fetches; with nixpkgs it is `--arg pkgs 'import <nixpkgs> {}'`.
{
  debs ? ./debs,
  pkgs ? import ./packages.nix { inherit debs; },
  varve ? import ../../nix/varve.nix { inherit pkgs; },
  # Where example 4 pulls from: `{ imageName, imageDigest, sha256 }`, and `tlsVerify` for a registry without https.
  pulled ? throw "tell where to pull from: --arg pulled '{ imageName = …; imageDigest = …; sha256 = …; }'",
  # What an image is locked to, a file of `varve lock`.
  locked ? throw "tell what to build on: varve lock REFERENCE --output base.lock.json, and --arg locked ./base.lock.json",
}:

let
  tools = import ../../nix { inherit pkgs varve; };
  inherit (tools)
    buildImage
    buildImageWithNixDb
    buildLayer
    buildLayeredImage
    buildLayeredImageWithNixDb
    exportImage
    mergeImages
    streamLayeredImage
    streamNixShellImage
    ;

  # Links to what is in the bin folders of packages, as a root for `copyToRoot`.
  programs = paths: pkgs.buildEnv {
    name = "image-root";
    inherit paths;
    pathsToLink = [ "/bin" ];
  };

  # Files that make a user known.
  users = { user, uid, gid ? uid }: [
    (pkgs.writeTextDir "etc/passwd" ''
      root:x:0:0::/root:${pkgs.runtimeShell}
      ${user}:x:${toString uid}:${toString gid}::/home/${user}:
    '')
    (pkgs.writeTextDir "etc/group" ''
      root:x:0:
      ${user}:x:${toString gid}:
    '')
    (pkgs.writeTextDir "etc/shadow" ''
      root:!x:::::::
      ${user}:!:::::::
    '')
    (pkgs.writeTextDir "etc/gshadow" ''
      root:x::
      ${user}:x::
    '')
  ];

  # A derivation to have a shell for. Where there is no stdenv, this does what shells need of one.
  shell = pkgs.mkShell or (attrs: pkgs.runCommand "shell" (attrs // { inherit stdenv; }) "mkdir $out");
  stdenv = pkgs.writeTextDir "setup" ''
    PATH=${pkgs.coreutils}/bin
    for input in $nativeBuildInputs; do PATH=$PATH:$input/bin; done
    runHook() { eval "''${!1-}"; }
  '';
in
rec {
  # 1. The least there is.
  bash = buildImage {
    name = "bash";
    tag = "latest";
    copyToRoot = programs [ pkgs.bash ];
  };

  # 2. A service on top of another image.
  redis = buildImage {
    name = "redis";
    tag = "latest";
    fromImage = bash;
    copyToRoot = programs [ pkgs.redis ];
    runAsRoot = "mkdir -p /data";
    config = {
      Cmd = [ "/bin/redis-server" ];
      WorkingDir = "/data";
      Volumes."/data" = { };
      Healthcheck = {
        Test = [ "CMD" "/bin/redis-cli" "ping" ];
        Interval = 30000000000;
        Timeout = 10000000000;
        Retries = 3;
      };
    };
  };

  # 3. A service with a config that refers to the store, and with a user of its own.
  nginx = buildLayeredImage nginxArguments;
  nginxStream = streamLayeredImage nginxArguments;

  nginxArguments =
    let
      root = pkgs.writeTextDir "index.html" "<html><body><h1>Hello from NGINX</h1></body></html>\n";
      settings = pkgs.writeText "nginx.conf" ''
        user nginx nginx;
        daemon off;
        error_log /dev/stdout info;
        pid /dev/null;
        events {}
        http {
          access_log /dev/stdout;
          server {
            listen 80;
            index index.html;
            location / { root ${root}; }
          }
        }
      '';
    in
    {
      name = "nginx-container";
      tag = "latest";
      contents = [ pkgs.nginx ] ++ users { user = "nginx"; uid = 999; };
      # nginx wants these whatever its config says.
      extraCommands = "mkdir -p tmp var/log/nginx var/lib/nginx";
      config = {
        Cmd = [ "nginx" "-c" settings ];
        ExposedPorts."80/tcp" = { };
      };
    };

  # 4. An image from a registry.
  nixFromDockerHub = tools.pullImage pulledArguments;

  # The same, fetched again whenever varve has changed, as its path shows what it is made with.
  testNixFromDockerHub = tools.pullImage (pulledArguments // {
    name = "${builtins.substring 11 32 (builtins.unsafeDiscardStringContext nixFromDockerHub.drvPath)}-${nixFromDockerHub.name}";
  });

  pulledArguments = { finalImageName = "pulled"; finalImageTag = "1"; } // pulled;

  # 5. Several packages side by side.
  editors = buildImage {
    name = "editors";
    copyToRoot = programs [ pkgs.coreutils pkgs.bash pkgs.ed pkgs.vim pkgs.nano ];
  };

  # 6. Nix, and a database that knows what is in the image's store.
  nix = buildImageWithNixDb {
    name = "nix";
    tag = "latest";
    copyToRoot = programs [ pkgs.coreutils pkgs.nix pkgs.bash ];
    config.Env = [ "NIX_PAGER=cat" "USER=nobody" ];
  };

  # 7. Something on top of an image from a registry.
  onTopOfPulledImage = buildImage {
    name = "onTopOfPulledImage";
    tag = "latest";
    fromImage = nixFromDockerHub;
    copyToRoot = programs [ pkgs.hello ];
  };
  onTopOfLockedImage = buildImage {
    name = "onTopOfLockedImage";
    tag = "latest";
    fromImageLock = locked;
    copyToRoot = programs [ pkgs.hello ];
  };
  streamOnLockedImage = streamLayeredImage {
    name = "streamOnLockedImage";
    tag = "latest";
    fromImageLock = locked;
    contents = [ pkgs.hello ];
  };
  pushOnLockedImage = tools.pushImage streamOnLockedImage;

  # 8. Both kinds of scripts, with brackets and quotes in them.
  runAsRootExtraCommands = buildImage {
    name = "runAsRootExtraCommands";
    tag = "latest";
    copyToRoot = programs [ pkgs.coreutils ];
    runAsRoot = ''echo "(runAsRoot)" > runAsRoot'';
    extraCommands = ''echo "(extraCommand)" > extraCommands'';
  };

  # 9. A date that isn't the same every time.
  unstableDate = buildImage {
    name = "unstable-date";
    tag = "latest";
    copyToRoot = programs [ pkgs.coreutils ];
    created = "now";
  };

  # 10. Layers of store paths.
  layered-image = buildLayeredImage {
    name = "layered-image";
    tag = "latest";
    contents = [ pkgs.hello pkgs.bash pkgs.coreutils ];
    extraCommands = ''echo "(extraCommand)" > extraCommands'';
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
  };

  # 11. An image of one layer on top of a layered one.
  layered-on-top = buildImage onTopArguments;

  # 12. A layered image on top of a layered one.
  layered-on-top-layered = buildLayeredImage (onTopArguments // { name = "layered-on-top-layered"; });

  onTopArguments = {
    name = "layered-on-top";
    tag = "latest";
    fromImage = layered-image;
    extraCommands = ''
      mkdir ./example-output
      chmod 777 ./example-output
    '';
    config = {
      Env = [ "PATH=${pkgs.coreutils}/bin/" ];
      WorkingDir = "/example-output";
      Cmd = [ "${pkgs.bash}/bin/bash" "-c" "echo hello > foo; cat foo" ];
    };
  };

  # 13. A script that runs in what a parent holds.
  runAsRootParentImage = buildImage {
    name = "runAsRootParentImage";
    tag = "latest";
    fromImage = bash;
    runAsRoot = "touch /example-file";
  };

  # 14. Three layers that hide each other's files, in the right order.
  layersOrder =
    let
      layer = name: fromImage: files: buildImage {
        inherit name fromImage;
        tag = "latest";
        copyToRoot = if name == "l3" then programs [ pkgs.coreutils ] else null;
        extraCommands = ''
          mkdir -p tmp
          for file in ${files}; do echo layer${builtins.substring 1 1 name} >tmp/$file; done
        '';
      };
    in
    layer "l3" (layer "l2" (layer "l1" null "layer1 layer2 layer3") "layer2 layer3") "layer3";

  # A base whose two layers are the same.
  repeatedLayers =
    let
      empty = buildImage { name = "empty"; tag = "latest"; };
    in
    buildImage {
      name = "repeated-layers";
      tag = "latest";
      fromImage = empty.override { fromImage = empty; };
      copyToRoot = pkgs.bash;
      runAsRoot = "echo ran >/ran";
    };

  # 23. The same when a script appends to a file of the layers below.
  layersUnpackOrder =
    let
      layer = letter: fromImage: buildImage {
        name = "layers-unpack-order-${letter}";
        tag = "latest";
        inherit fromImage;
        copyToRoot = programs [ pkgs.coreutils ];
        runAsRoot = "echo -n ${letter} >>/layer-order";
      };
    in
    layer "c" (layer "b" (layer "a" null));

  # 15. The environment: of a parent, of its child, and of a layered child.
  environmentVariablesParent = buildImage {
    name = "parent";
    tag = "latest";
    config.Env = [ "FROM_PARENT=true" "LAST_LAYER=parent" ];
  };
  environmentVariables = buildImage {
    name = "child";
    tag = "latest";
    fromImage = environmentVariablesParent;
    copyToRoot = programs [ pkgs.coreutils ];
    config.Env = [ "FROM_CHILD=true" "LAST_LAYER=child" ];
  };
  environmentVariablesLayered = buildLayeredImage {
    name = "child-layered";
    tag = "latest";
    fromImage = environmentVariablesParent;
    contents = [ pkgs.coreutils ];
    config.Env = [ "FROM_CHILD=true" "LAST_LAYER=child" ];
  };

  # 16. An image that shares layers with 10, found in its config alone.
  another-layered-image = buildLayeredImage {
    name = "another-layered-image";
    tag = "latest";
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
  };

  # 17. All store paths in one layer, and one with the rest.
  two-layered-image = buildLayeredImage {
    name = "two-layered-image";
    tag = "latest";
    contents = [ pkgs.bash pkgs.hello ];
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
    maxLayers = 2;
  };

  # 18. More packages than layers.
  bulk-layer = buildLayeredImage {
    name = "bulk-layer";
    tag = "latest";
    contents = [ pkgs.coreutils pkgs.hello ];
    maxLayers = 2;
  };

  # 19. The same on a base image whose layers count.
  layered-bulk-layer = buildLayeredImage {
    name = "layered-bulk-layer";
    tag = "latest";
    fromImage = two-layered-image;
    contents = [ pkgs.coreutils pkgs.hello ];
    maxLayers = 4;
  };

  # What can't be built: the base leaves no layer.
  base-too-large = layered-bulk-layer.override {
    name = "base-too-large";
    fromImage = layered-image;
  };

  # Scripts with what stdenv gives them.
  stdenv-scripts = streamLayeredImage {
    name = "stdenv-scripts";
    tag = "latest";
    contents = [ pkgs.hello ];
    extraCommands = ''
      echo '@name@ is @what@' >facts
      substituteInPlace facts --subst-var name --subst-var-by what "$(echo a b | awk '{ print $2 }')"
      echo text | gzip -n | gzip -d | cmp - <(echo text)
      diff facts facts
      for file in *.none; do echo $file; done >>facts
      [[ $out == /nix/store/* && $paths == *-hello* ]]
    '';
    enableFakechroot = true;
    fakeRootCommands = ''
      echo text | awk '{ print }' >$(mktemp)
      substituteInPlace /facts --replace-fail ' is ' ' was '
    '';
  };

  # What ends a build.
  failing-pipe = stdenv-scripts.override { extraCommands = "false | true"; };
  failing-pipe-in-image = stdenv-scripts.override { fakeRootCommands = "false | true"; };

  # 20. No layers of store paths.
  no-store-paths = buildLayeredImage {
    name = "no-store-paths";
    tag = "latest";
    extraCommands = ''
      cp -r ${pkgs.pkgsStatic.busybox}/* .
      # Something that the script needs and the image doesn't.
      ${pkgs.hello}/bin/hello
    '';
  };

  nixLayered = buildLayeredImageWithNixDb {
    name = "nix-layered";
    tag = "latest";
    contents = [ pkgs.coreutils pkgs.nix pkgs.bash ];
    config.Env = [ "NIX_PAGER=cat" "USER=nobody" ];
  };

  # Nix and its database in a stream, with no user in its environment.
  nix-layered = streamLayeredImage {
    name = "nix-layered-stream";
    tag = "latest";
    contents = [ pkgs.nix pkgs.bash ];
    includeNixDB = true;
    config.Env = [ "NIX_PAGER=cat" ];
  };

  # 21. Files right in the store, which the Nix database vouches for.
  filesInStore = buildLayeredImageWithNixDb {
    name = "file-in-store";
    tag = "latest";
    contents = [
      pkgs.coreutils
      pkgs.nix
      (pkgs.writeScriptBin "myscript" ''
        #!${pkgs.runtimeShell}
        cat ${pkgs.writeText "somefile" "some data"}
      '')
    ];
    config = {
      Cmd = [ "myscript" ];
      Env = [ "USER=root" ];
    };
  };

  # 22. A date that isn't the same every time, in a layered image.
  unstableDateLayered = buildLayeredImage {
    name = "unstable-date-layered";
    tag = "latest";
    contents = [ pkgs.coreutils ];
    created = "now";
  };

  # The tag is the output's hash.
  bashNoTag = buildImage {
    name = "bash-no-tag";
    copyToRoot = pkgs.bash;
  };
  bashNoTagLayered = buildLayeredImage {
    name = "bash-no-tag-layered";
    contents = pkgs.bash;
  };
  bashNoTagStreamLayered = streamLayeredImage {
    name = "bash-no-tag-stream-layered";
    contents = pkgs.bash;
  };

  # Compressed otherwise, or not at all.
  bashUncompressed = buildImage {
    name = "bash-uncompressed";
    tag = "latest";
    compressor = "none";
    copyToRoot = pkgs.bash;
  };
  bashZstdCompressed = bashUncompressed.override {
    name = "bash-zstd";
    compressor = "zstd";
  };
  bashLayeredUncompressed = buildLayeredImage {
    name = "bash-layered-uncompressed";
    tag = "latest";
    compressor = "none";
    contents = pkgs.bash;
  };
  bashLayeredZstdCompressed = bashLayeredUncompressed.override {
    name = "bash-layered-zstd";
    compressor = "zstd";
  };

  # A user that isn't root.
  bashLayeredWithUser = buildLayeredImage {
    name = "bash-layered-with-user";
    tag = "latest";
    contents = [ pkgs.bash pkgs.coreutils ] ++ users { user = "somebody"; uid = 999; };
  };
  nonRootOwner = streamLayeredImage {
    name = "non-root-test";
    tag = "latest";
    uid = 1000;
    gid = 1000;
    uname = "user";
    gname = "user";
    config = {
      User = "1000:1000";
      Cmd = [ "${pkgs.coreutils}/bin/stat" "-c" "%u:%g" "${pkgs.coreutils}/bin/stat" ];
    };
  };

  # An image for machines of another kind.
  cross = buildImage {
    name = "hello-cross";
    tag = "latest";
    architecture = if pkgs.system == "aarch64-linux" then "amd64" else "arm64";
    copyToRoot = programs [ pkgs.hello ];
  };

  # Images that say that they are for another architecture, whatever is in them.
  build-image-with-architecture = buildImage {
    name = "build-image-with-architecture";
    tag = "latest";
    architecture = "arm64";
    copyToRoot = [ pkgs.bash ./files ];
  };
  layered-image-with-architecture = streamLayeredImage {
    name = "layered-image-with-architecture";
    tag = "latest";
    architecture = "arm64";
    contents = [ pkgs.bash ./files ];
  };

  # A store path that is itself a symlink.
  layeredStoreSymlink =
    let
      target = pkgs.writeTextDir "dir/target" "Content doesn't matter.";
      symlink = pkgs.runCommand "symlink" { } "ln -s ${target} $out";
    in
    buildLayeredImage {
      name = "layeredstoresymlink";
      tag = "latest";
      contents = [ pkgs.bash symlink ];
      passthru = { inherit symlink; };
    };

  # Names with a registry before them.
  prefixedImage = buildImage {
    name = "registry-1.docker.io/image";
    tag = "latest";
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
  };
  prefixedLayeredImage = buildLayeredImage {
    name = "registry-1.docker.io/layered-image";
    tag = "latest";
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
  };

  # Files of other owners, and a store path that only the script names.
  layeredImageWithFakeRootCommands = buildLayeredImage {
    name = "layered-image-with-fake-root-commands";
    tag = "latest";
    contents = [ pkgs.pkgsStatic.busybox ];
    fakeRootCommands = ''
      mkdir -p ./home/alice
      chown 1000 ./home/alice
      ln -s ${pkgs.hello} ./hello
    '';
  };

  # A script for which the layer is the root.
  imageViaFakeChroot = streamLayeredImage {
    name = "image-via-fake-chroot";
    tag = "latest";
    config.Cmd = [ "hello" ];
    contents = [ pkgs.pkgsStatic.busybox ];
    enableFakechroot = true;
    fakeRootCommands = ''
      ln -s ${pkgs.hello}/bin/hello /bin/hello
      touch /testfile
      chown 12345:12345 /testfile
    '';
  };

  # Settings in /etc that are the store's, as NixOS has them.
  etc =
    let
      settings = pkgs.writeText "settings" "127.0.0.1 localhost\n";
    in
    streamLayeredImage {
      name = "etc";
      tag = "latest";
      enableFakechroot = true;
      fakeRootCommands = ''
        mkdir -p /etc
        ln -s ${settings} /etc/some-config-file
      '';
      config.Cmd = [
        (pkgs.writeScript "show" ''
          #!${pkgs.busybox}/bin/sh
          ${pkgs.busybox}/bin/cat /etc/some-config-file
        '')
      ];
    };

  # Owners and devices that a script makes in an image where not all is root's.
  ownersInImage = buildImage {
    name = "owners-in-image";
    tag = "latest";
    fromImage = layeredImageWithFakeRootCommands;
    copyToRoot = programs [ pkgs.bash pkgs.coreutils ];
    runAsRoot = ''
      cp -a /home/alice /home/bob
      chown 1001:100 /home/bob
      mkdir -m 1777 /shared
      mknod -m 666 /shared/null c 1 3
      stat -c '%n %u:%g' /home/* >/owners
    '';
    extraCommands = "chown 1002 shared";
  };

  # Programs with rights of their own. Nix lets no builder make them, so it takes its sandbox, where fakeroot keeps what is theirs.
  rightsInImage = buildImage {
    name = "rights-in-image";
    tag = "latest";
    copyToRoot = programs [ pkgs.bash pkgs.coreutils ];
    runAsRoot = ''
      cp ${pkgs.coreutils}/bin/id /id
      chmod 4755 /id
      cp ${pkgs.coreutils}/bin/cat /cat
      ${pkgs.libcap}/bin/setcap cap_dac_override=ep /cat
      echo secret >/secret
    '';
    extraCommands = "chmod 600 secret";
  };

  # Several images in one archive.
  mergedBashAndRedis = mergeImages [ bash redis ];
  mergedBashNoTagAndRedis = mergeImages [ bashNoTag redis ];
  mergedBashFakeRoot = mergeImages [ bash layeredImageWithFakeRootCommands ];
  mergeVaryingCompressor = mergeImages [ redis bashUncompressed bashZstdCompressed ];

  # With the store in the image, and with one that has to be mounted.
  helloOnRoot = streamLayeredImage {
    name = "hello";
    tag = "latest";
    contents = [ (programs [ pkgs.hello ]) ];
    config.Cmd = [ "hello" ];
  };
  helloOnRootNoStore = helloOnRoot.override {
    name = "hello-no-store";
    includeStorePaths = false;
  };

  helloOnRootNoStoreFakechroot = helloOnRootNoStore.override {
    name = "hello-no-store-fakechroot";
    enableFakechroot = true;
  };

  # Layers that are derivations of their own, below those that are planned.
  builtLayers = streamLayeredImage {
    name = "built-layers";
    tag = "latest";
    contents = [ pkgs.coreutils ];
    config.Cmd = [ "${pkgs.hello}/bin/hello" ];
    layers = [ belowLayer helloLayer ];
  };
  belowLayer = buildLayer { name = "below"; paths = [ pkgs.glibc pkgs.bash ]; };
  helloLayer = buildLayer {
    name = "hello";
    paths = pkgs.hello;
    layers = [ belowLayer ];
    compressor = "zstd";
  };

  # Scripts that write an image where its archive is meant, and a tag that no engine takes.
  onStream = buildLayeredImage {
    name = "on-stream";
    tag = "latest";
    fromImage = helloOnRoot;
    config.Cmd = "hello";
    config.Env = { PATH = "/bin"; };
  };
  mergedStream = mergeImages [ bash helloOnRoot ];
  emptyTag = buildLayeredImage {
    name = "empty-tag";
    tag = "";
    contents = [ [ pkgs.hello ] ];
  };

  # The root file system of an image.
  exportBash = exportImage { fromImage = bash; };

  # Files of the file system, not of the store.
  build-image-with-path = buildImage {
    name = "build-image-with-path";
    tag = "latest";
    copyToRoot = [ pkgs.bash ./files ];
  };
  layered-image-with-path = streamLayeredImage {
    name = "layered-image-with-path";
    tag = "latest";
    contents = [ pkgs.bash ./files ];
  };

  image-with-certs = buildImage {
    name = "image-with-certs";
    tag = "latest";
    copyToRoot = [ (programs [ pkgs.coreutils ]) tools.caCertificates ];
  };

  # A root with the small things that programs expect, and users made in the image.
  shadow = buildImage {
    name = "shadow";
    tag = "latest";
    copyToRoot = [ tools.binSh tools.usrBinEnv (programs [ pkgs.coreutils ]) ];
    runAsRoot = ''
      ${tools.shadowSetup}
      groupadd -r jane
      useradd -r -g jane jane
    '';
  };

  # A pipeline in place of the usual plan: glibc apart, and the rest in one layer.
  pipeline = buildLayeredImage {
    name = "pipeline";
    tag = "latest";
    contents = [ pkgs.bash pkgs.hello ];
    layeringPipeline = [
      [ "split_paths" [ "${pkgs.glibc}" ] ]
      [ "flatten" ]
    ];
  };

  # Shells in the environment of a derivation.
  nix-shell-basic = streamNixShellImage {
    name = "nix-shell-basic";
    tag = "latest";
    # As those of a stdenv it has no PATH of its own, which a container would have, too.
    drv = derivation {
      name = "greeter";
      inherit (pkgs) system;
      builder = pkgs.runtimeShell;
      args = [ "-euc" "${pkgs.coreutils}/bin/mkdir -p $out/bin; ${pkgs.coreutils}/bin/ln -s ${pkgs.hello}/bin/hello $out/bin/; :" ];
    };
  };
  nix-shell-hook = streamNixShellImage {
    name = "nix-shell-hook";
    tag = "latest";
    drv = shell {
      shellHook = ''
        echo "The hook ran"
        exit
      '';
    };
  };
  nix-shell-inputs = streamNixShellImage {
    name = "nix-shell-inputs";
    tag = "latest";
    drv = shell { nativeBuildInputs = [ pkgs.hello ]; };
    command = "hello";
  };
  nix-shell-command = streamNixShellImage {
    name = "nix-shell-command";
    tag = "latest";
    drv = shell { };
    command = ''case "$-" in *i*) echo This shell is interactive ;; *) echo This shell is not interactive ;; esac'';
  };
  nix-shell-writable-home = streamNixShellImage {
    name = "nix-shell-writable-home";
    tag = "latest";
    drv = shell { };
    run = ''[ "$HOME" = "$(eval "echo ~$(whoami)")" ] && touch "$HOME/file" && echo "$HOME can be written"'';
  };
  nix-shell-nonexistent-home = streamNixShellImage {
    name = "nix-shell-nonexistent-home";
    tag = "latest";
    drv = shell { };
    homeDirectory = "/homeless-shelter";
    run = ''[ "$HOME" = "$(eval "echo ~$(whoami)")" ] && [ ! -e "$HOME" ] && echo "$HOME isn't there"'';
  };
  nix-shell-run = streamNixShellImage {
    name = "nix-shell-run";
    tag = "latest";
    drv = shell { };
    run = ''case "$-" in *i*) echo This shell is interactive ;; *) echo This shell is not interactive ;; esac'';
  };
  nix-shell-pass-as-file = streamNixShellImage {
    name = "nix-shell-pass-as-file";
    tag = "latest";
    drv = shell { passAsFile = [ "str" ]; str = "this is a string"; };
    run = ''${pkgs.coreutils}/bin/cat "$strPath"'';
  };
  nix-shell-build-derivation = streamNixShellImage {
    name = "nix-shell-build-derivation";
    tag = "latest";
    drv = pkgs.hello;
    run = "buildDerivation && $out/bin/hello";
  };
  nix-shell-image = tools.buildNixShellImage {
    name = "nix-shell-image";
    tag = "latest";
    drv = shell { GREETING = "Hello from a shell"; };
    run = ''echo "$GREETING in $PWD as $(${pkgs.coreutils}/bin/id -u)"'';
  };

  # Images for two systems and an index over them. Here both have this system's programs; with nixpkgs, the second one is
  # `pkgsCross.aarch64-multiplatform`'s, or what a machine of that system builds.
  index = tools.imageIndex {
    images = [
      (bashNoTagStreamLayered.override { architecture = "amd64"; })
      (layered-image.override { architecture = "arm64"; })
    ];
    name = "both";
    tag = "1";
    annotations."org.opencontainers.image.title" = "both";
  };
  pushIndex = tools.pushImage index;

  # Programs that bring an image from the store to a registry and to the Docker daemon.
  pushLayered = tools.pushImage layered-image;
  pushBash = tools.pushImage { image = bash; reference = "localhost:5000/bash:latest"; };
  loadStream = tools.loadImage bashNoTagStreamLayered;
  loadBash = tools.loadImage bash;
}
