#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# guide_test: the programs of lib/docs/guide.md succeed, each in an empty folder, and leave no file there or in /dev/shm.
# Run by ./tests/run, or by hand:
#
#   tests/guide/guide_test.sh build/tests/guide/guide_*
#
#   SEQCAST_EMULATOR='qemu-aarch64 ...'   the command that runs programs for another processor
set -eu
[ $# -gt 0 ] || { echo 'usage: guide_test.sh PROGRAM...' >&2 && exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0
export SEQCAST_EMULATOR="${SEQCAST_EMULATOR-}"

broken() {
  printf 'FAILED: %s: %s\n' "${program##*/}" "$1"
  sed 's/^/  | /' "$work/output"
  failed=$((failed + 1))
}

for program in "$@"; do
  case $program in /*) ;; *) program=$PWD/$program ;; esac
  mkdir "$work/folder"
  status=0
  # exec keeps the process id: the programs put it into their names in shared memory.
  # shellcheck disable=SC2016  # for the inner shell
  (cd "$work/folder" && timeout -k 1 60 sh -c 'echo $$ >../process && exec $SEQCAST_EMULATOR "$0"' "$program") \
    >"$work/output" 2>&1 || status=$?
  left=$(ls -A "$work/folder" && find /dev/shm -maxdepth 1 -name "guide-$(cat "$work/process")*")
  if [ "$status" -ne 0 ]; then
    broken "exit status $status"
  elif [ -n "$left" ]; then
    broken "left behind: $left"
  else
    printf 'passed: %s\n' "${program##*/}"
    sed 's/^/  | /' "$work/output"
  fi
  rm -rf "$work/folder"
done
[ "$failed" -eq 0 ]
