#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# man.sh SEQCAST HELP2MAN PAGE: makes the manual page from the --help of the program and of each verb.
set -eu
seqcast=$1 help2man=$2 page=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One page for each verb, whose sections become parts of one section of the whole page.
for verb in $("$seqcast" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
  "$help2man" --no-info --name="$verb" --version-string="$verb" --output="$work/verb" "$seqcast $verb"
  printf '[seqcast %s]\n' "$verb"
  sed -e '1,/^\.SH SYNOPSIS$/d' -e 's/^\.SH DESCRIPTION$/.PP/' -e 's/^\.SH \(OPTIONS\|EXAMPLES\)$/.SS \1/' "$work/verb"
done >"$work/verbs"
"$help2man" --no-info --name='publish and subscribe in shared memory' --include="$work/verbs" --output="$page" \
  "$seqcast"
