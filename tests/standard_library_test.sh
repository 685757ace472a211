#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# standard_library_test COMPILER LIBRARY HEADERS PROGRAM: a program with checked containers (_GLIBCXX_DEBUG) works with
# the library as it is. One whose std::string is another does not link, and the error gives the reason: of the functions
# that take or give a string none is found.
set -eu
compiler=$1 library=$2 headers=$3 program=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

failed() { echo "FAILED  $*" && exit 1; }
compile() { "$compiler" -std=c++20 -O1 -I"$headers" "$@" -c "$program" -o "$folder/program.o"; }
link() { "$compiler" "$folder/program.o" "$library" -o "$folder/program" -pthread; }

for option in -O1 -D_GLIBCXX_DEBUG; do
  compile "$option" && link
  "$folder/program" "$folder" channel || failed "with $option: status $?"
done

compile -D_GLIBCXX_USE_CXX11_ABI=0
link 2>"$folder/error" && failed 'it links with another std::string'
grep -q 'undefined.*SameStandardLibrary<std::string>' "$folder/error" || failed "no reason: $(cat "$folder/error")"
nm -P "$library" | awk '$2 == "T" { print $1 }' | sort -u >"$folder/there"
nm -P "$folder/program.o" | awk '$2 == "U" { print $1 }' | sort -u | comm -12 - "$folder/there" | c++filt >"$folder/both"
for function in 'AnyPublisher::AnyPublisher(.*Location' 'AnyPublisher::open_region' 'Inspector::Inspector(.*Location' \
  'AnySubscriber::AnySubscriber(.*Location' 'AnySubscriber::open_state' 'Inspector::open' 'remove_channel' \
  'list_channels_in_folder' 'list_channels_in_shared_memory' 'to_string.*Location'; do
  grep -q "undefined.*$function" "$folder/error" || failed "$function is not in the error"
  ! grep "$function" "$folder/both" || failed "$function is taken from the library"
done
