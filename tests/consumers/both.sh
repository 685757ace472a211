#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# both: the README's two programs, in FOLDER, do what the README says, and leave nothing behind.
#
#   ./tests/consumers/both.sh FOLDER publisher|subscriber      the one that starts first
set -eu
folder=$1 first=$2
work=$(mktemp -d)
publisher='' subscriber=''
trap 'kill $publisher $subscriber 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkfifo "$work/prices"
: >"$work/output"
exec 3<>"$work/prices" # so that no end of it waits for the other

start_publisher() {
  timeout 60 "$folder/publisher" <"$work/prices" 3>&- &
  publisher=$!
}
start_subscriber() {
  timeout 60 "$folder/subscriber" >"$work/output" 3>&- &
  subscriber=$!
}

# until COMMAND...: waits for at most 60 seconds.
wait_until() {
  attempts=600
  until "$@"; do
    attempts=$((attempts - 1))
    [ "$attempts" -gt 0 ] || { echo "not within a minute: $*" && exit 1; }
    sleep 0.1
  done
}
received() { grep -qx "bid $1, 0 lost" "$work/output"; }

if [ "$first" = publisher ]; then
  echo 100 >&3
  start_publisher
  wait_until [ -e /dev/shm/quotes ]
  start_subscriber
else
  start_subscriber
  start_publisher
  echo 100 >&3
fi
wait_until received 99.5
echo 101 >&3
wait_until received 100.5
exec 3>&- # the end of the publisher's input
wait "$publisher" && publisher=''
wait "$subscriber" && subscriber=''
if ls /dev/shm/quotes* 2>/dev/null; then
  echo 'left behind in /dev/shm'
  exit 1
fi
