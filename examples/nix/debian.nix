# Makes Nix packages of Debian packages that `prepare.ts` fetched: unpacked, and their programs and libraries told where in
# the store the libraries are that they need, so that they run in any image.
{ debs, system ? builtins.currentSystem }:

let
  index = builtins.fromJSON (builtins.readFile (debs + "/packages.json"));

  # A static program that brings a shell and all else that unpacking takes.
  busybox = builtins.path {
    name = "bootstrap";
    path = debs + "/bootstrap";
  };

  # Letters that a store path's name may not have.
  legal = builtins.replaceStrings [ ":" "~" "%" ] [ "-" "-" "-" ];

  file = name: builtins.path {
    name = "${name}.deb";
    path = debs + "/${index.${name}.file}";
  };

  # Runs a text with busybox alone.
  run = name: attrs: text: derivation ({
    inherit name system;
    builder = "${busybox}/bin/busybox";
    args = [ "sh" "-euc" text ];
    PATH = "${busybox}/bin:${applets}/bin";
  } // attrs);

  applets = derivation {
    name = "busybox-applets";
    inherit system;
    builder = "${busybox}/bin/busybox";
    args = [
      "sh"
      "-euc"
      ''
        b=${busybox}/bin/busybox
        $b mkdir -p $out/bin
        for name in $($b --list); do $b ln -s $b $out/bin/$name; done
      ''
    ];
  };

  # One tree of several Debian packages: programs in bin, libraries in lib, and the folders of usr that `keep` names.
  unpacked = { name, from ? [ name ], keep ? [ ] }:
    run (legal "${name}-${(index.${builtins.head from}).version}")
      {
        debs = map file from;
        inherit keep;
      }
      ''
        mkdir tree
        for deb in $debs; do dpkg-deb -x $deb tree; done
        mkdir -p $out
        for at in bin sbin usr/bin usr/sbin; do
          [ ! -d tree/$at ] || { mkdir -p $out/bin; cp -dR tree/$at/. $out/bin/; }
        done
        for at in tree/lib/*-linux-gnu tree/usr/lib/*-linux-gnu; do
          [ ! -d $at ] || { mkdir -p $out/lib; cp -dR $at/. $out/lib/; }
        done
        for at in $keep; do
          mkdir -p $out/$(dirname $at)
          cp -dR tree/usr/$at $out/$at
        done
        # Links to other packages and to what they do on a whole system lead nowhere here.
        find $out -type l | while read -r link; do [ -e "$link" ] || rm "$link"; done
        chmod -R u+w $out
      '';

  libc = unpacked { name = "libc6"; };
  libraries = names: map (name: "${packages.${name}}/lib") names;

  # Debian's patchelf can't start before it is told where its own libraries are, so the loader is started with them.
  patchelf = builtins.concatStringsSep ":" (map (name: "${unpacked { inherit name; }}/lib") [ "libc6" "libgcc-s1" "libstdc++6" ]);

  # The same with all references in place.
  package = { name, from ? [ name ], keep ? [ ], finally ? "" }:
    let
      tree = unpacked { inherit name from keep; };
      needed = builtins.concatLists (map (one: index.${one}.depends) from);
      # Packages of one tree don't need each other.
      others = builtins.filter (one: !(builtins.elem one from)) needed;
    in
    run tree.name
      {
        inherit tree keep;
        rpath = builtins.concatStringsSep ":" (libraries others);
      }
      ''
        cp -dR $tree $out
        chmod -R u+w $out
        loader=$(echo ${libc}/lib/ld-linux*)
        patchelf() { $loader --library-path ${patchelf} ${unpacked { name = "patchelf"; }}/bin/patchelf "$@"; }
        find $out -type f | while read -r file; do
          [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
          # A static program has no loader, and neither has a library.
          ! patchelf --print-interpreter "$file" >/dev/null 2>&1 || patchelf --set-interpreter $loader "$file"
          own=
          for at in lib $keep; do [ ! -d $out/$at ] || own=$own:$out/$at; done
          ! patchelf --print-rpath "$file" >/dev/null 2>&1 || patchelf --set-rpath "$rpath$own" "$file"
        done
        ${finally}
      '';

  packages = builtins.mapAttrs (name: _: package { inherit name; }) index // { libc6 = libc; };
in
{
  inherit applets busybox index legal package packages run libc patchelf unpacked;
  loader = "${libc}/lib";
}
