#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# recording_judge.sh RECORDING_LISTING: whether Foxglove's library @mcap/core reads the recordings of seqcast as seqcast
# does: by the index, by a range of times, from front to back, and of a file that was cut at any byte (every 97th without
# SEQCAST_LONG=1). Needs node and npm; what it fetches goes to a temporary folder.
set -eu
listing=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @mcap/core@2.2.2 fzstd@0.1.1

step=97
[ "${SEQCAST_LONG:-0}" = 1 ] && step=1

judge() { node "$here/recording_judge.mjs" "$@"; }

# same WHAT: the two listings, ours and theirs, are equal and have lines.
same() {
  [ -s ours ] || { echo "FAILED: $1: nothing was listed" >&2; exit 1; }
  diff -u ours theirs >difference || { echo "FAILED: $1" >&2; head -n 40 difference >&2; exit 1; }
  echo "ok      $1: $(wc -l <ours) lines"
}

for compression in none zstd; do
  file=$folder/$compression.mcap
  "$listing" make "$file" "$compression"
  echo "$compression: $(wc -c <"$file") bytes"
  judge summary "$file"
  "$listing" list "$file" >ours
  judge list "$file" >theirs
  same 'by the index'
  judge stream "$file" >theirs
  same 'from front to back'
  # From the 20th message to before the 40th.
  from=$(sed -n 20p ours | awk '{ print $4 }') to=$(sed -n 40p ours | awk '{ print $4 }')
  "$listing" list "$file" "$from" "$to" >part
  judge list "$file" "$from" "$to" >theirs
  mv part ours
  same 'by a range of times'
  "$listing" cuts "$file" "$step" >ours
  judge cuts "$file" "$step" >theirs
  same 'cut after any number of bytes'
done
