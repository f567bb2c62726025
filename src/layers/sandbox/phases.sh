# shellcheck shell=sh
# What is done in the world that setup.sh has built, whose text this follows: one phase, V_PHASE.
# shellcheck disable=SC2016 # What is quoted so is for other shells.
# shellcheck disable=SC2086 # Commands and arguments of several words: V_FAKED, V_ARGUMENT.
# shellcheck disable=SC2154 # What setup.sh and the variables V_... say.
# shellcheck disable=SC2164 # setup.sh has set -e.

overlay() { mount -t overlay -o "nodev,nosuid,redirect_dir=nofollow,metacopy=off,index=off,$V_OVERLAY$2" varve "$1"; }
fuse_overlay() { fuse-overlayfs -o "writeback=0,$2" "$1" && restrict "$1" "" ""; }

# A folder of the image where something is mounted, and those above it.
mount_point() {
  case $1 in */*) mount_point "${1%/*}" ;; esac
  [ ! -L "/image/$1" ] || { echo "the image has a symbolic link at /$1, where a folder must be" >&2; exit 125; }
  [ -e "/image/$1" ] || { mkdir "/image/$1"; made="$1 $made"; }
}

# Shows a store in the image, which may have store paths which this machine hasn't. A union doesn't show what is mounted
# in a store, as Nix mounts each path in its own sandbox.
show_store() {
  if [ -z "$(ls -A "/image$1")" ]; then mount --rbind "$1" "/image$1"
  elif grep -qF " $1/" /proc/self/mountinfo || ! overlay "/image$1" "lowerdir=/image$1:$1" 2>/dev/null; then join_stores "$1"
  fi
}
join_stores() {
  mkdir -p "/stores$1"
  for path in "$1"/* "/image$1"/*; do
    to=/stores$1/${path##*/}
    if [ -e "$to" ] || [ -L "$to" ]; then continue
    elif [ -L "$path" ]; then ln -s "$(readlink "$path")" "$to"
    else
      if [ -d "$path" ]; then mkdir "$to"; else : >"$to"; fi
      mount -o bind,ro,nosuid,nodev "$path" "$to"
    fi
  done
  mount -o rbind,ro,nosuid,nodev "/stores$1" "/image$1"
}

# Does a union that shows one folder over another work here, with a file and a directory removed from it?
works() {
  umount -l /work/probe/image 2>/dev/null || :
  rm -rf /work/probe
  mkdir -p /work/probe/lower/dir /work/probe/upper /work/probe/work /work/probe/image
  : >/work/probe/lower/file
  "$1" /work/probe/image lowerdir=/work/probe/lower,upperdir=/work/probe/upper,workdir=/work/probe/work || return 1
  rm /work/probe/image/file && rmdir /work/probe/image/dir && mkdir /work/probe/image/dir || return 1
  umount /work/probe/image && rm -rf /work/probe
}

# Puts fakeroot's library into these folders, so that it has one name here and in the image.
preload() {
  library=$("${V_FAKED%% *}" sh -c 'grep -o "/.*libfakeroot.*" /proc/self/maps' | head -n 1)
  [ -n "$library" ] || { echo "fakeroot doesn't preload its library" >&2; exit 125; }
  for folder in "$@"; do cat "$library" >"$folder/fakeroot.so"; done
}

# What fakeroot runs: its arguments from the third on, an environment and then a program. The first is the folder of files
# that have capabilities, since fakeroot forgets those when it ends, and the second is env's path.
faked='cd "$1" && env=$2 && shift 2 || exit 125
rm -f /state/owners
while IFS= read -r text && IFS= read -r file; do setcap "$text" "$file" || exit 125; done </state/capabilities
status=0
"$env" -i LD_PRELOAD=/dev/fakeroot.so FAKEROOTKEY="$FAKEROOTKEY" FAKEROOTDONTTRYCHOWN=1 "$@" || status=$?
! command -v getcap >/dev/null || getcap -r . >/state/getcap 2>/dev/null || :
exit $status'

# Does fakeroot reach the image's programs, as far as its shell is one of them? What isn't there fails by itself.
reached() {
  case ${1##*/} in sh | bash | dash | ash | ksh | mksh | zsh) ;; *) return 0 ;; esac
  ! in_image "$1" -c : </dev/null >/dev/null 2>&1 || LD_PRELOAD=/dev/fakeroot.so in_image "$1" -c '
    while read -r line; do case $line in *fakeroot.so*) exit 0 ;; esac; done </proc/self/maps; exit 1
  ' </dev/null >/dev/null 2>&1
}
in_image() { limited "$powers" "$chroot" /image "$@"; }

# fakeroot ends before its daemon has written down who owns what.
faked_saved() {
  [ -n "$V_FAKED" ] || return 0
  while cat /proc/[0-9]*/comm 2>/dev/null | grep -q '^faked'; do sleep 0.02; done
}

# Runs the rest of its arguments as a script is run; ends with its status, and only when nothing of it is left.
run() {
  # Real pipes in place of what varve gave, which can't be opened as /dev/stdout.
  mkfifo /out /err
  cat </out & out=$!
  cat </err >&8 2>/dev/null & err=$!
  exec 7>/err
  # What runs after the script is what ran before it.
  mount -o remount,bind,ro,nosuid,nodev /dev
  mount -o remount,bind,ro,nosuid,nodev /
  echo varve:started >&9
  status=0
  "$@" </dev/null >/out 2>&7 7>&- 8>&- || status=$?
  exec 7>&-
  faked_saved
  while :; do
    left=
    for process in /proc/[0-9]*; do
      process=${process#/proc/}
      case $process in 1 | "$out" | "$err") continue ;; esac
      ! kill -s KILL "$process" 2>/dev/null || grep -q '^State:.Z' "/proc/$process/status" 2>/dev/null || left=1
    done
    [ -n "$left" ] || break
  done
  wait $out $err || :
}

case $V_PHASE in
  probe)
    most=0
    while read -r inside _ count; do
      [ $((inside + count)) -le $most ] || most=$((inside + count))
    done </proc/self/uid_map
    echo "varve:ids $most" >&9
    [ -z "$V_FAKED" ] || preload
    for union in $V_UNIONS; do
      case $union in
        overlay) works overlay && echo varve:union overlay >&9 && break ;;
        fuse) command -v fuse-overlayfs && works fuse_overlay && echo varve:union fuse >&9 && break ;;
        copy) echo varve:union copy >&9 ;;
      esac
    done >/dev/null
    ;;
  extract)
    mkdir -p "/work/$V_FOLDER"
    tar -x -f - -C "/work/$V_FOLDER" -p "$V_OWNER" --numeric-owner --xattrs '--xattrs-include=*' \
      --delay-directory-restore --warning=no-timestamp --warning=no-unknown-keyword
    ;;
  renew)
    rm -rf /work/lower /work/upper /work/image /work/ovl
    mkdir /work/upper
    ;;
  own)
    mkdir /work/owned
    tar -c -f - -C /work/upper --xattrs '--xattrs-include=*' --format=posix "--owner=:$V_UID" "--group=:$V_GID" . |
      tar -x -f - -C /work/owned -p --same-owner --numeric-owner --xattrs '--xattrs-include=*'
    rm -rf /work/upper
    mv /work/owned /work/upper
    ;;
  apply)
    tar -c -f - -C /work/upper --numeric-owner --xattrs '--xattrs-include=*' --format=posix . |
      tar -x -f - -C /work/image -p --same-owner --numeric-owner --xattrs '--xattrs-include=*'
    ;;
  list)
    cd "/work/$V_FOLDER"
    find . -printf '%y %D %i %m %C@ %P\0'
    find . -type d -exec stat --printf 'born %.9W %n\0' {} +
    ;;
  pack)
    export FAKEROOTDONTTRYCHOWN=1
    cd "/work/$V_FOLDER"
    $V_FAKED sh -c 'while IFS= read -r text && IFS= read -r file; do setcap "$text" "$file" || exit; done </state/capabilities
      exec "$@"' sh tar -c -f - --null --no-unquote --no-recursion -T - --numeric-owner --format=posix \
      --xattrs '--xattrs-include=*' --warning=no-file-ignored
    ;;
  clean) rm -rf /work/lower /work/upper /work/image /work/ovl /work/owned /work/points /work/state /work/probe /work/tmp ;;
  caller | root)
    mount --bind /work/upper /layer
    cat /work/script >"/$V_NAME"
    umount -l /work
    cd /layer
    shell=$V_SHELL
    [ -n "$shell" ] || shell=$(command -v bash || command -v sh)
    if [ "$V_PHASE" = caller ] && [ -n "$V_CALLER" ]; then
      # Another user namespace, in which a caller that isn't root has no capabilities, and root none in the first.
      run "$env" -i "$@" "$unshare" --user "--map-user=${V_CALLER%:*}" "--map-group=${V_CALLER#*:}" --keep-caps \
        "$setpriv" --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs "$shell" $V_ARGUMENT "/$V_NAME"
    elif [ "$V_PHASE" = root ] && [ -n "$V_FAKED" ]; then
      preload /dev
      run limited "$powers" $V_FAKED sh -c "$faked" sh /layer "$env" "$@" "$shell" $V_ARGUMENT "/$V_NAME"
    else
      [ "$V_PHASE" = root ] || powers=$files
      run limited "$powers" "$env" -i "$@" "$shell" $V_ARGUMENT "/$V_NAME"
    fi
    exit $status
    ;;
  points | image)
    stores=
    for store in $V_STORES; do [ ! -d "$store" ] || stores="$stores $store"; done
    mkdir -p "/work/$V_FOLDER" /work/points /work/ovl
    made=
    if [ "$V_UNION" != copy ]; then
      for point in /proc /sys /dev $stores; do mkdir -p "/work/points$point"; done
      layers=lowerdir=/work/$V_FOLDER:/work/points,upperdir=/work/upper,workdir=/work/ovl
      if [ "$V_UNION" = overlay ]; then overlay /image "$layers"; else fuse_overlay /image "$layers"; fi
    else
      mount --bind "/work/$V_FOLDER" /image
    fi
    for point in /proc /sys /dev $stores; do mount_point "${point#/}"; done
    [ "$V_PHASE" = image ] || exit 0
    mount --rbind /proc /image/proc
    devices /image ""
    for store in $stores; do show_store "$store"; done
    cat /work/script >"/image/dev/$V_NAME"
    if [ -n "$V_NETWORK" ] && [ -f /image/etc/resolv.conf ] && [ ! -L /image/etc/resolv.conf ]; then
      mount --bind /etc/resolv.conf /image/etc/resolv.conf
    fi
    if [ -n "$V_FAKED" ]; then
      # The image's files without what is mounted in it.
      mkdir /plain
      mount --bind "/work/$V_FOLDER" /plain
      preload /dev /image/dev
    fi
    umount -l /work
    shell=$V_SHELL
    if [ -z "$shell" ]; then
      for shell in /bin/bash /usr/bin/bash /bin/sh; do
        ! in_image "$shell" -c : </dev/null >/dev/null 2>&1 || break
      done
    fi
    inside() { run limited "$powers" "$@" "$chroot" /image "$shell" $V_ARGUMENT "/dev/$V_NAME"; }
    if [ -z "$V_FAKED" ]; then
      inside "$env" -i "$@"
    elif reached "$shell"; then
      inside $V_FAKED sh -c "$faked" sh /plain "$env" "$@"
    elif [ -s /state/owners ] || [ -s /state/capabilities ]; then
      echo "fakeroot doesn't reach $shell, which is statically linked or of another C library, and not all files are root's" >&2
      exit 125
    else
      # What nobody is told otherwise is as it is.
      echo varve:unreached >&9
      inside "$env" -i "$@"
    fi
    for point in $stores /etc/resolv.conf; do umount -l "/image$point" 2>/dev/null || :; done
    umount -R -l /image/dev /image/proc 2>/dev/null || umount -l /image/dev /image/proc || :
    for point in $made; do rmdir "/image/$point" 2>/dev/null || :; done
    exit $status
    ;;
esac
