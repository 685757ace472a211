#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# exports_test COMPILER LIBRARY MAP FOLDER: whether lib/seqcast.map.in lists what programs need of the library. Makes
# a shared library of the static one with that map, and checks that it exports every function of the library that the
# object files in the folder call.
set -eu
compiler=$1 library=$2 map=$3 objects=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# of_seqcast KIND: the functions in nm's output that are of this kind, one a line.
of_seqcast() { awk -v kind="$1" '$2 == kind && $1 ~ /^_ZNK?7seqcast/ { sub(/@.*/, "", $1); print $1 }' | sort -u; }

"$compiler" -shared -o "$folder/libseqcast.so" -Wl,--whole-archive "$library" -Wl,--no-whole-archive \
  -Wl,--version-script="$map" -pthread
nm -P "$library" | of_seqcast T >"$folder/there"
nm -DP "$folder/libseqcast.so" | of_seqcast T >"$folder/shown"
find "$objects" -name '*.o' -exec nm -P {} + | of_seqcast U | comm -12 - "$folder/there" >"$folder/needed"
missing=$(comm -23 "$folder/needed" "$folder/shown" | c++filt)
echo "$(wc -l <"$folder/there") functions, $(wc -l <"$folder/needed") called, $(wc -l <"$folder/shown") shown"
[ -s "$folder/needed" ] || { echo "FAILED  nothing in $objects calls the library" && exit 1; }
[ -z "$missing" ] || { printf 'FAILED  not in the map:\n%s\n' "$missing" && exit 1; }
