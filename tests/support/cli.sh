# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
#
# cli: shared functions of the tool's tests. To be sourced; the first argument is the tool's path. Each test case
# begins in an empty folder; every wait has a watchdog.
set -euo pipefail
seqcast=$(readlink -f -- "${1:?the tool, build/lib/cli/seqcast say}")
# shellcheck disable=SC2034  # for those who source this
sources=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# On a tmpfs if there is one, so that no disk delays anything.
work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" seqcast-cli-XXXXXX)
running='' passed=0 name=''
export LC_ALL=C.UTF-8
unset NO_COLOR

# kill_all PID...: kills these processes without output.
kill_all() {
  { [ $# -eq 0 ] || kill -KILL "$@" || :; wait "$@" || :; } 2>/dev/null
}

clean_up() {
  # shellcheck disable=SC2086  # process ids
  kill_all $running
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM
cd "$work"

finish() {
  echo "passed: $name"
  echo "$passed cases passed"
}

test_case() {
  [ -z "$name" ] || echo "passed: $name"
  name=$1 passed=$((passed + 1))
  # shellcheck disable=SC2086  # process ids
  kill_all $running
  running=''
  rm -rf ./*
}

fail() {
  printf 'FAILED: %s: %s\n' "$name" "$1"
  for file in output error expected *.txt; do
    [ ! -f "$file" ] || printf -- '--- %s\n%s\n' "$file" "$(tail -c 2000 "$file" | tr '\0' '?')"
  done
  exit 1
}

# expect STATUS [ARGUMENT...]: runs the tool, with its output in `output` and its stderr in `error`.
expect() {
  local expected=$1 found=0
  shift
  timeout 60 "$seqcast" "$@" >output 2>error || found=$?
  [ "$found" -eq "$expected" ] || fail "seqcast $*: exit status $found, not $expected"
}

# start FILE [ARGUMENT...]: starts the tool in the background, with all its output in FILE. Sets $pid. Its signals are
# those of a foreground process: a shell makes a background job ignore SIGINT.
start() {
  local file=$1
  shift
  : >"$file"
  env --default-signal=INT "$seqcast" "$@" >"$file" 2>&1 <&0 &
  pid=$!
  running="$running $pid"
}

# ends STATUS: process $pid ends with that status within a minute.
ends() {
  local found=0
  for _ in $(seq 1 3000); do
    kill -0 "$pid" || break
    sleep 0.02
  done 2>/dev/null
  ! kill -0 "$pid" 2>/dev/null || fail "process $pid did not end"
  { wait "$pid" || found=$?; } 2>/dev/null
  [ "$found" -eq "$1" ] || fail "exit status $found, not $1"
}

# await FILE TEXT: waits until the file contains the text, for a minute at most.
await() {
  for _ in $(seq 1 3000); do
    ! grep -qsF -- "$2" "$1" || return 0
    sleep 0.02
  done
  fail "$1 never had '$2' in it"
}

# await_live NAME: waits until a publisher has published a new message there.
await_live() {
  for _ in $(seq 1 600); do
    ! timeout 60 "$seqcast" sub "$1" -n 1 --timeout 0.1 >/dev/null 2>&1 || return 0
  done
  fail "there is no publisher at $1"
}

# await_message NAME: waits until there is a message in the channel.
await_message() {
  for _ in $(seq 1 3000); do
    ! "$seqcast" info "$1" --json 2>/dev/null | grep -q '"head":[1-9]' || return 0
    sleep 0.02
  done
  fail "there never was a message in $1"
}

# await_newest NAME TEXT: waits until the newest message there is that text.
await_newest() {
  for _ in $(seq 1 3000); do
    [ "$(timeout 60 "$seqcast" sub "$1" --latest -n 1 3>&- 2>&1)" != "$2" ] || return 0
    sleep 0.02
  done
  fail "the newest message at $1 never was '$2'"
}

# open_lines: creates a FIFO for a publisher to read, <lines 3>&-, and opens it for writing, >&3.
open_lines() {
  rm -f lines
  mkfifo lines
  exec 3<>lines
}

# on_terminal COMMAND [FILE]: runs the command on a new terminal, with the file as its keyboard input. What appears on
# the terminal is in `output`.
on_terminal() {
  local found=0
  timeout 60 script -qec "stty cols 80 rows 24; $1" /dev/null >typescript 2>&1 <"${2:-/dev/null}" || found=$?
  tr -d '\r' <typescript >output
  return $found
}

same_as() { cmp -s output "$1" || fail "the output is not as $1"; }
output_has() { grep -qF -- "$1" output || fail "the output has no '$1'"; }
error_has() { grep -qF -- "$1" error || fail "stderr has no '$1'"; }
stderr_is_empty() { [ ! -s error ] || fail 'stderr is not empty'; }
no_output() {
  [ ! -s output ] || fail 'stdout is not empty'
  stderr_is_empty
}
