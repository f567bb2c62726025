# Installs the real systems that test/system talks to; sourced by scripts/check.
# shellcheck shell=bash

# A program that the tests run, and the Debian package which brings it.
SYSTEMS="
  nix:nix-bin
  dockerd:docker.io
  docker:docker.io
  containerd:containerd
  ctr:containerd
  runc:runc
  docker-registry:docker-registry
  skopeo:skopeo
  umoci:umoci
  podman:podman
  crun:crun
  newuidmap:uidmap
  fakeroot:fakeroot
  fuse-overlayfs:fuse-overlayfs
  setcap:libcap2-bin
  busybox:busybox-static
  htpasswd:apache2-utils
  openssl:openssl
  sqlite3:sqlite3
  zstd:zstd
  python3:python3
  pip3:python3-pip
  setpriv:util-linux
  ip:iproute2
  curl:curl
  qemu-aarch64-static:qemu-user-static
  readelf:binutils
  chromium:chromium
  shellcheck:shellcheck
  zsh:zsh
  fish:fish
"

# Installs what is missing where that is allowed: on Debian, as root. Elsewhere, and where it fails, the tests say
# themselves what they miss.
install_systems() {
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" = 0 ]; then
    echo "all there"
    return
  fi
  if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ] || ! command -v apt-get >/dev/null; then
    echo "not installed, since this is not Debian as root: ${missing[*]}"
    return
  fi
  echo "installing ${missing[*]}"
  local log
  log=$(mktemp)
  without_services install_packages "${missing[@]}" >"$log" 2>&1 || {
    cat "$log"
    echo "some could not be installed"
  }
  rm -f "$log"
}

missing_packages() {
  local system
  for system in $SYSTEMS; do
    command -v "${system%%:*}" >/dev/null || echo "${system##*:}"
  done | sort -u
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt_get update && apt_get install --yes --no-install-recommends "$@"
}

apt_get() {
  apt-get --quiet=2 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

# Runs a command while Debian's packages may not start their services: the tests start their own. (Debian asks
# policy-rc.d, if there is one, and 101 means "no".)
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@"
)
