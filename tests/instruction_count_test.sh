#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# instruction_count_test PROGRAM COMPILER: how many instructions publish() and next() of 48 bytes take, counted by
# valgrind, so that no change adds one unseen. The bounds are gcc 12's on x86-64; another compiler's counts are only
# printed. Whoever makes a call shorter lowers its bound.
set -eu
program=$1
compiler=$2
publish_bound=80
next_bound=68

# count FUNCTION: instructions of one call. What valgrind says goes to the log, if it fails.
count() {
  folder=$(mktemp -d)
  valgrind --tool=callgrind --callgrind-out-file="$folder/out" --toggle-collect="$1" "$program" "$folder/channel" \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2 && exit 1; }
  awk '/^(summary|totals):/ { total = $2 } END { print int(total / 32) }' "$folder/out"
  rm -r "$folder"
}

[ "$(uname -m)" = x86_64 ] || { echo 'skipped: the bounds are for x86-64' && exit 0; }
failed=0
for call in publish next; do
  found=$(count "${call}_48_bytes")
  [ "$found" -gt 0 ] || { echo "FAILED  $call of 48 bytes was not counted" && exit 1; }
  bound=$publish_bound
  [ $call = publish ] || bound=$next_bound
  case $("$compiler" --version) in
  *'(Debian 12.'*) ;;
  *) echo "        $call of 48 bytes: $found instructions; gcc 12: $bound" && continue ;;
  esac
  verdict='ok     '
  [ "$found" -le "$bound" ] || { verdict='FAILED ' && failed=1; }
  echo "$verdict $call of 48 bytes: $found instructions, at most $bound"
done
exit $failed
