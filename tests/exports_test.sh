#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# exports_test COMPILER LIBRARY MAP FOLDER HEADER: whether lib/seqcast.map.in lists what programs need of the library.
# Makes a shared library of the static one with that map, and checks that it exports every function of the library that
# the object files in the folder call, every function of the C header, and besides C++ nothing else.
set -eu
compiler=$1 library=$2 map=$3 objects=$4 header=$5
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
sed -n 's/^[a-z].*[ *]\(seqcast_[a-z_]*\)(.*/\1/p' "$header" | sort >"$folder/c_declared"
nm -DP "$folder/libseqcast.so" | awk '$2 != "U" && $1 !~ /^_Z/ && $2 != "w" && $2 != "A" { sub(/@.*/, "", $1); print $1 }' |
  sort >"$folder/c_shown"
echo "$(wc -l <"$folder/c_declared") functions of C"
[ -s "$folder/c_declared" ] || { echo "FAILED  no function in $header" && exit 1; }
diff "$folder/c_declared" "$folder/c_shown" || { echo 'FAILED  the map exports other functions than the header declares' && exit 1; }
