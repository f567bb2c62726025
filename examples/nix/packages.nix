# The few packages that varve's Nix functions and the examples name, in place of nixpkgs: made of Debian packages which
# `prepare.ts` fetched into `debs`.
{ debs ? ./debs, system ? builtins.currentSystem }:

let
  debian = import ./debian.nix { inherit debs system; };
  inherit (debian) applets package run;
  one = name: debian.package { inherit name; };

  # Programs of several packages as one path, which is what scripts take for their PATH.
  join = name: paths: run name { inherit paths; } ''
    mkdir -p $out/bin
    for path in $paths; do
      for file in $path/bin/*; do ln -sf $file $out/bin/''${file##*/}; done
    done
  '';
in
rec {
  inherit system;
  runtimeShell = "${bash}/bin/bash";
  bash = package {
    name = "bash";
    finally = "ln -s bash $out/bin/sh";
  };
  bashInteractive = bash;
  coreutils = one "coreutils";
  findutils = one "findutils";
  diffutils = one "diffutils";
  gawk = package {
    name = "gawk";
    finally = "ln -sf gawk $out/bin/awk";
  };
  gnugrep = one "grep";
  gnused = one "sed";
  gnutar = one "tar";
  gzip = one "gzip";
  util-linux = package {
    name = "util-linux";
    from = [ "util-linux" "mount" "bsdutils" ];
  };
  # Debian's script names its parts by where they are on a whole system.
  fakeroot = run "fakeroot"
    {
      fakeroot = package {
        name = "fakeroot";
        from = [ "fakeroot" "libfakeroot" ];
      };
    } ''
    mkdir -p $out/bin
    sed -e "s|^#!.*|#!${runtimeShell}|" -e "s|/usr/bin/faked|$fakeroot/bin/faked|g" -e "s|=/usr/bin\$|=$fakeroot/bin|" \
      -e "s|/usr/lib/[^/:]*-linux-gnu/libfakeroot|$fakeroot/lib/libfakeroot|g" -e "s|=/usr\$|=$fakeroot|" \
      -e "2iPATH=${coreutils}/bin:${gnused}/bin:${util-linux}/bin\''${PATH:+:\$PATH}" \
      $fakeroot/bin/fakeroot-sysv >$out/bin/fakeroot
    chmod +x $out/bin/fakeroot
  '';
  libcap = one "libcap2-bin";
  shadow = one "passwd";
  sqlite = one "sqlite3";
  nix = package {
    name = "nix-bin";
    keep = [ "lib/nix" ];
  };
  glibc = debian.libc;
  hello = one "hello";
  nano = one "nano";
  ed = one "ed";
  nginx = package {
    name = "nginx";
    from = [ "nginx" "nginx-common" ];
  };
  redis = package {
    name = "redis";
    from = [ "redis-server" "redis-tools" ];
  };

  vim = run "vim" { } ''
    mkdir -p $out/bin
    ln -s ${one "vim-tiny"}/bin/vim.tiny $out/bin/vim
  '';

  # Static, with all its commands.
  pkgsStatic.busybox = run "busybox" { } ''
    mkdir -p $out/bin
    cp ${debian.busybox}/bin/busybox $out/bin/busybox
    for name in $(busybox --list); do [ -e $out/bin/$name ] || ln -s busybox $out/bin/$name; done
  '';
  busybox = pkgsStatic.busybox;

  cacert = run "cacert" { certificates = debian.unpacked { name = "ca-certificates"; keep = [ "share/ca-certificates" ]; }; } ''
    mkdir -p $out/etc/ssl/certs
    cat $certificates/share/ca-certificates/mozilla/*.crt >$out/etc/ssl/certs/ca-bundle.crt
  '';

  # The repository's own Node.js, which `npm ci` brings.
  nodejs = run "nodejs"
    {
      node = builtins.path {
        name = "node";
        path = ../../node_modules/node/bin/node;
      };
      libraries = builtins.concatStringsSep ":" (map (name: "${debian.packages.${name}}/lib") [ "libatomic1" "libc6" "libgcc-s1" "libstdc++6" ]);
    } ''
    mkdir -p $out/bin
    cp $node $out/bin/node
    chmod u+w $out/bin/node
    loader=$(echo ${debian.libc}/lib/ld-linux*)
    $loader --library-path ${debian.patchelf} ${debian.unpacked { name = "patchelf"; }}/bin/patchelf \
      --set-interpreter $loader --set-rpath "$libraries" $out/bin/node
  '';

  writeTextFile = { name, text, executable ? false, destination ? "" }:
    run name { inherit text; passAsFile = [ "text" ]; } ''
      mkdir -p "$(dirname "$out${destination}")"
      cp "$textPath" "$out${destination}"
      ${if executable then ''chmod +x "$out${destination}"'' else ""}
    '';
  writeText = name: text: writeTextFile { inherit name text; };
  writeTextDir = path: text: writeTextFile {
    name = baseNameOf path;
    inherit text;
    destination = "/${path}";
  };
  writeScript = name: text: writeTextFile { inherit name text; executable = true; };
  writeScriptBin = name: text: writeTextFile {
    inherit name text;
    executable = true;
    destination = "/bin/${name}";
  };

  runCommand = name: attrs: text: run name attrs text;

  # Links to the files of several packages.
  buildEnv = { name, paths, pathsToLink ? [ "/" ] }: run name { inherit paths pathsToLink; } ''
    mkdir -p $out
    for path in $paths; do
      for part in $pathsToLink; do
        [ -d "$path$part" ] || continue
        mkdir -p "$out$part"
        cp -rs "$path$part/." "$out$part/"
      done
    done
  '';
}
