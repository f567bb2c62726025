#!/bin/sh
# Runs a command in a PID namespace below its own, and ends it when varve ends in whatever way: then the other end of
# descriptor 4 closes. It is the first process of a PID namespace itself, and nothing in the one below sees or reaches what
# waits here.
( read -r _ <&4 || :; while :; do kill -s KILL -- -1; done ) >/dev/null 2>&1 3>&- &
exec 4<&-
unshare --pid --fork --kill-child "$@"
