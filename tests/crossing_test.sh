#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# crossing_test: two builds of crossing.cpp, for example for two processors, publish to each other through two files.
# Then each takes over the channel that the other left, the other way round. Every account has to balance.
#
#   tests/crossing_test.sh ONE OTHER [EMULATOR...]             the emulator, if given, runs OTHER
#   tests/crossing_test.sh --refused ONE OTHER [EMULATOR...]   of two byte orders: each refuses the other's channels
set -eu
refused=''
[ "$1" != --refused ] || { refused=1 && shift; }
one=$1 other=$2
shift 2
work=$(mktemp -d)
pid=''
clean_up() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || :
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

broken() {
  echo "FAILED  $1"
  for file in "$work"/*.txt; do printf -- '--- %s\n%s\n' "$file" "$(tail -n 5 "$file")"; done
  exit 1
}

emulator=$(printf '%s ' "$@")
run_other() {
  # shellcheck disable=SC2086  # words
  timeout 100 $emulator "$other" "$@"
}
run_one() {
  if [ "$one" = "$other" ]; then run_other "$@"; else timeout 100 "$one" "$@"; fi
}

# figure NAME FILE: the number before or behind a word in the output of a side.
figure() { sed -n "s/.*$1.*/\\1/p" "$2"; }

# accounts PUBLISHER SUBSCRIBER: the last message that one published is the last that the other received.
accounts() {
  published=$(figure 'published [0-9]* up to \([0-9]*\)' "$work/$1.txt")
  known=$(figure 'lost [0-9]*, up to \([0-9]*\)' "$work/$2.txt")
  if [ -z "$published" ] || [ "$published" != "$known" ]; then
    broken "$1 published up to '$published', $2 knows '$known'"
  fi
}

# cross ROUND FIRST SECOND: FIRST publishes into a.dat, SECOND into b.dat, both at once.
cross() {
  "run_$2" "$1" "$work/a.dat" "$work/b.dat" >"$work/$2.txt" 2>&1 &
  pid=$!
  "run_$3" "$1" "$work/b.dat" "$work/a.dat" >"$work/${3}_too.txt" 2>&1 || broken "round $1, $3"
  wait "$pid" || broken "round $1, $2"
  pid=''
  accounts "$2" "${3}_too"
  accounts "${3}_too" "$2"
  printf 'ok      round %s\n        %s\n        %s\n' "$1" "$(cat "$work/$2.txt")" "$(cat "$work/${3}_too.txt")"
}

# refuses SIDE OUT IN WHAT: the side fails with that error, and a.dat is unchanged.
refuses() {
  cp "$work/a.dat" "$work/before"
  ! "run_$1" 2 "$work/$2" "$work/$3" >"$work/refused.txt" 2>&1 || broken "$1 does not refuse to $4 a.dat"
  grep -q "cannot $4 .*: expected a channel of this machine's byte order" "$work/refused.txt" ||
    broken "$1: no word of byte order"
  cmp "$work/before" "$work/a.dat" || broken "$1 has changed what it refused"
  printf 'ok      %s\n' "$(cat "$work/refused.txt")"
}

if [ -z "$refused" ]; then
  cross 1 one other
  cross 2 other one
  exit 0
fi
cross 1 one one
refuses other c.dat a.dat 'subscribe to'
refuses other a.dat c.dat 'publish to'
rm "$work"/*.dat*
cross 1 other other
refuses one c.dat a.dat 'subscribe to'
refuses one a.dat c.dat 'publish to'
