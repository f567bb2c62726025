# What scripts/check and scripts/demo share; sourced by both, from the repository's root folder.
# shellcheck shell=bash

# The repository's own Node comes first, so that any Node with npm is enough to begin with.
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"

# The section that is running, or was the last one.
SECTION=""

# section TITLE COMMAND...: runs the command under a heading and says how long it took.
section() {
  local start=$SECONDS
  SECTION=$1
  shift
  printf '\n== %s\n' "$SECTION"
  "$@"
  printf '   %s s\n' "$((SECONDS - start))"
}

# Installs the npm dependencies, which also builds dist/, unless that was done since the lock file last changed.
install_npm_dependencies() {
  if ! command -v npm >/dev/null; then
    echo "npm is not installed: install any Node.js with npm and run this again." >&2
    return 1
  fi
  if [ node_modules/.package-lock.json -nt package-lock.json ] && [ -x node_modules/.bin/node ]; then
    echo "all there"
    return
  fi
  npm ci --no-audit --no-fund --loglevel=error
}
