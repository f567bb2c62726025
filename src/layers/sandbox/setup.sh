#!/bin/sh
# Makes the sandbox from inside: in shell, since only a program in the new namespaces can mount there, and no shell but the
# machine's own is sure to be there. POSIX only: this may be any machine's sh.
#
# It is the first process of a PID namespace (see keeper.sh). All it is told comes in variables (V_..., see phase.ts) and, for scripts, as
# arguments NAME=VALUE, the script's environment; nothing is ever put into this text. Descriptor 3 takes messages.
#
# First it builds a world: a root file system in memory with the machine's programs (read-only), the work folder, and
# nothing else. It moves into it for good (pivot_root), so that neither an archive nor a script reaches the machine's
# other files, whatever they try. Scripts then run without what they could undo that with: no capability to mount
# anything, and no writable place in which a device can be opened. What is done in that world is in phases.sh, which follows.
# shellcheck disable=SC2016 # What is quoted so is for other shells.
# shellcheck disable=SC2034 # What phases.sh uses.
set -eu
: "${V_VISIBLE=}" "${V_NETWORK=}" "${V_FAKED=}" "${V_UNION=}" "${V_UNIONS=}"
umask 022
exec 9>&3 3>&- 8>&2 2>&9
# What a script may do that runs as the caller, if that is root: to any file what its owner may.
files=-all,+chown,+dac_override,+fowner,+fsetid
# What one may do that has root's view: what a container's root may. Where the network is the machine's, it isn't root's.
powers=$files,+kill,+setgid,+setuid,+setpcap,+sys_chroot,+mknod,+audit_write,+setfcap
[ -n "$V_NETWORK" ] || powers=$powers,+net_bind_service,+net_raw

# Runs a program that has some capabilities, and never more.
limited() {
  set=$1
  shift
  "$setpriv" "--bounding-set=$set" --inh-caps=-all --no-new-privs "$@"
}

expose() {
  [ -e "/$1" ] || [ -L "/$1" ] || return 0
  case $1 in */*) mkdir -p "./$(dirname "$1")" ;; esac
  if [ -L "/$1" ]; then [ -L "$1" ] || [ -e "$1" ] || ln -s "$(readlink "/$1")" "$1"
  elif [ -d "/$1" ]; then mkdir -p "./$1"; mount --rbind "/$1" "./$1"
  else [ -e "$1" ] || : >"$1"; mount --bind "/$1" "./$1"
  fi
}

# A folder dev below the given one, with the few devices that every program may expect.
devices() {
  mount -t tmpfs -o mode=755,nosuid,nodev varve "$1/dev"
  for node in null zero full random urandom tty $2; do
    [ -c "/dev/$node" ] || continue
    : >"$1/dev/$node"
    mount --bind "/dev/$node" "$1/dev/$node"
  done
  ln -s /proc/self/fd "$1/dev/fd"
  ln -s /proc/self/fd/0 "$1/dev/stdin"
  ln -s /proc/self/fd/1 "$1/dev/stdout"
  ln -s /proc/self/fd/2 "$1/dev/stderr"
  mkdir "$1/dev/shm"
  mount -t tmpfs -o mode=1777,nosuid,nodev varve "$1/dev/shm"
}

# Forbids what no mount in here allows. In a user namespace, what was forbidden before has to stay so.
restrict() {
  case ,$2, in
    *,noexec,*) mount -o "remount,bind,nosuid,nodev,noexec$3" "$1" ;;
    *) mount -o "remount,bind,nosuid,nodev$3" "$1" ;;
  esac
}

mount -t tmpfs -o mode=755,nosuid,nodev varve "$V_WORK/world"
cd "$V_WORK/world"
mkdir proc dev tmp work etc host image layer state
chmod 1777 "$V_WORK/tmp"
mount --bind "$V_WORK/tmp" tmp
for shown in bin sbin lib lib32 lib64 libx32 usr run/current-system etc/alternatives; do expose "$shown"; done
for shown in $V_STORES; do expose "${shown#/}"; done
printf '%s' "$V_VISIBLE" | while IFS= read -r shown; do expose "${shown#/}"; done
if [ -n "$V_NETWORK" ]; then
  for shown in ssl pki ca-certificates; do expose "etc/$shown"; done
  for shown in resolv.conf hosts nsswitch.conf; do [ ! -e "/etc/$shown" ] || cat "/etc/$shown" >"etc/$shown"; done
fi
[ ! -e /etc/ld.so.cache ] || cat /etc/ld.so.cache >etc/ld.so.cache
printf 'root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' >etc/group
# What was bound is read-only with everything that is mounted below it. The list writes a space as \040.
while read -r _ _ _ _ at options _; do
  at=$(printf '%b' "$at")
  case $at in
    "$V_WORK/world/tmp") ;;
    "$V_WORK"/world/*) restrict "$at" "$options" ,ro ;;
  esac
done </proc/self/mountinfo
mount --bind "$V_WORK" work
mount --bind "$V_WORK/state" state
mount -t proc -o nosuid,nodev,noexec varve proc
{ echo localhost >proc/sys/kernel/hostname; } 2>/dev/null || hostname localhost 2>/dev/null || :
for kept in sys sysrq-trigger irq bus fs acpi asound scsi; do
  [ ! -e "proc/$kept" ] || { mount --bind "proc/$kept" "proc/$kept" && mount -o remount,bind,ro,nosuid,nodev,noexec "proc/$kept"; }
done
case "$V_UNION $V_UNIONS" in
  *fuse*) devices . fuse ;;
  *) devices . "" ;;
esac
pivot_root . host
cd /
# From here on only programs that no script can change, or has put in a place of its own in an earlier phase.
trusted=
IFS=:
set -f
for folder in $PATH; do
  case $folder in /*) folder=$(cd -P -- "$folder" 2>/dev/null && pwd -P) || continue ;; *) continue ;; esac
  [ -w "$folder" ] || trusted=$trusted${trusted:+:}$folder
done
set +f
unset IFS
PATH=$trusted
env=$(command -v env) setpriv=$(command -v setpriv) unshare=$(command -v unshare) chroot=$(command -v chroot)
umount -l /host
rmdir /host
# Devices can be made where scripts write, but not opened.
while read -r _ _ _ _ at options _; do
  case $at in /work | /tmp | /state) restrict "$at" "$options" "" ;; esac
done </proc/self/mountinfo
