# Small things that many images need in their root.
{ overridable, pkgs, shellBuild, writeText, ... }:

{
  # /bin/sh.
  binSh = shellBuild "bin-sh" ''
    mkdir -p $out/bin
    ln -s ${pkgs.bashInteractive}/bin/bash $out/bin/sh
  '';

  # /usr/bin/env, which scripts begin with.
  usrBinEnv = shellBuild "usr-bin-env" ''
    mkdir -p $out/usr/bin
    ln -s ${pkgs.coreutils}/bin/env $out/usr/bin
  '';

  # Certificates at the places where programs of various distributions look for them.
  caCertificates = shellBuild "ca-certificates" ''
    mkdir -p $out/etc/ssl/certs $out/etc/pki/tls/certs
    for file in ssl/certs/ca-bundle.crt ssl/certs/ca-certificates.crt pki/tls/certs/ca-bundle.crt; do
      ln -s ${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/$file
    done
  '';

  # Who root and nobody are, for programs that ask.
  fakeNss = overridable
    ({ extraPasswdLines ? [ ], extraGroupLines ? [ ] }:
      let
        lines = own: more: writeText "lines" (builtins.concatStringsSep "" (map (line: "${line}\n") (own ++ more)));
      in
      shellBuild "fake-nss" ''
        mkdir -p $out/etc $out/var/empty
        cp ${lines [ "root:x:0:0:root user:/var/empty:/bin/sh" ] (extraPasswdLines ++ [ "nobody:x:65534:65534:nobody:/var/empty:/bin/sh" ])} $out/etc/passwd
        cp ${lines [ "root:x:0:" ] (extraGroupLines ++ [ "nobody:x:65534:" ])} $out/etc/group
        cp ${lines [ "hosts: files dns" ] [ ]} $out/etc/nsswitch.conf
      '')
    { };

  # For `runAsRoot`: the files without which useradd and groupadd do nothing, where the image lacks them.
  shadowSetup = ''
    export PATH=${pkgs.shadow}/bin:$PATH
    mkdir -p /etc/pam.d
    [[ -f /etc/passwd ]] || { echo "root:x:0:0::/root:${pkgs.runtimeShell}" >/etc/passwd; echo "root:!x:::::::" >/etc/shadow; }
    [[ -f /etc/group ]] || { echo "root:x:0:" >/etc/group; echo "root:x::" >/etc/gshadow; }
    [[ -f /etc/pam.d/other ]] || printf '%s\n' \
      "account sufficient pam_unix.so" \
      "auth sufficient pam_rootok.so" \
      "password requisite pam_unix.so nullok yescrypt" \
      "session required pam_unix.so" >/etc/pam.d/other
    [[ -f /etc/login.defs ]] || touch /etc/login.defs
  '';
}
